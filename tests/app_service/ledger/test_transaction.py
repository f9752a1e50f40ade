"""Validation of transactions, for HTTP and for queues."""

import subprocess
import sys
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_service.ledger.fields import shape
from app_service.ledger.transaction import InvalidTransaction, Transaction
from tests.app_service.build import document

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_reads_what_it_writes() -> None:
    found = Transaction.parse(document(amount_minor=2**53 - 1))
    assert Transaction.parse(found.to_json()) == found


def test_an_id_in_capitals_is_the_same_id() -> None:
    text = "ABCDEFAB-0000-4000-8000-00000000000A"
    found = Transaction.parse(document(transaction_id=text))
    assert found.transaction_id == UUID(text)
    assert found.to_json()["transaction_id"] == text.lower()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transaction_id": "x"}, "transaction_id: must be a UUID .* a string of 1 characters"),
        ({"transaction_id": "{ABCDEFAB-0000-4000-8000-00000000000A}"}, "transaction_id: must"),
        ({"transaction_id": "abcdefab00004000800000000000000a"}, "transaction_id: must"),
        ({"transaction_id": "ABCDEFAB-0000-4000-8000-00000000000A\n"}, "transaction_id: must"),
        ({"transaction_id": 7}, "transaction_id: must be a UUID .*, got an integer$"),
        ({"debit_account": 0}, "debit_account: must be an integer from 1 to 2.53-1, got zero"),
        ({"credit_account": -3}, "credit_account: must .*, got a negative integer"),
        ({"amount_minor": 0}, "amount_minor: must .*, got zero"),
        ({"amount_minor": 2**53}, "amount_minor: must .*, got an integer above"),
        ({"amount_minor": 10**400}, "amount_minor: must .*, got an integer above"),
        ({"amount_minor": 12.5}, "amount_minor: must .*, got a number with a fraction"),
        ({"amount_minor": 1.0}, "amount_minor: must .*, got a number with a fraction"),
        ({"amount_minor": "12"}, "amount_minor: must .*, got a string of 2 characters"),
        ({"amount_minor": True}, "amount_minor: must .*, got a boolean"),
        ({"amount_minor": None}, "amount_minor: must .*, got null"),
        ({"currency": "ZZZ"}, "currency: must be a code of ISO 4217 .*, got 'ZZZ'"),
        ({"currency": "usd"}, "currency: must .* in capitals, such as USD, got 'usd'"),
        ({"currency": "USDX"}, "currency: must"),
        ({"currency": "US\u0414"}, "currency: must"),
        ({"currency": ["USD"]}, "currency: must .*, got a list of 1"),
        ({"currency": {}}, "currency: must .*, got an object of 0 fields"),
        ({"debit_account": 5, "credit_account": 5}, "credit_account: must differ .* 5 for both"),
        ({"note": "x"}, "'note': unknown field"),
        ({"kind": "expiry"}, "kind: must be one of transfer, hold, .*, got a string of 6"),
        ({"kind": ["hold"]}, "kind: must be one of .*, got a list of 1"),
        ({"linked": 1}, "linked: must be true or false, got an integer"),
        ({"kind": "hold", "expires_in_seconds": 2_592_001}, "expires_in_seconds: must .*30 days"),
        ({"kind": "hold", "expires_in_seconds": 0}, "expires_in_seconds: must .*, got zero"),
        ({"kind": "hold", "expires_in_seconds": True}, "expires_in_seconds: .*, got a boolean"),
        ({"reference": ""}, "reference: must be 1 to 200 characters .*, got a string of 0"),
        ({"reference": "x" * 201}, "reference: must .*, got a string of 201 characters"),
        ({"reference": "a\nb"}, "reference: must .* without control characters"),
        ({"reference": 7}, "reference: must .*, got an integer"),
        ({"metadata": []}, "metadata: must be an object, got a list of 0"),
        ({"metadata": {"a": 1.5}}, "metadata: numbers in it must be integers .* as strings"),
        ({"metadata": {"a": [2**53]}}, "metadata: numbers .*, got an integer above"),
        ({"metadata": {"a": "\u00fc" * 2048}}, "metadata: must be at most 4096 bytes .*, got 4104"),
    ],
)
def test_the_message_names_field_shape_and_rule(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidTransaction, match=f"^{message}"):
        Transaction.parse(document(**changes))


def nested(depth: int) -> dict[str, Any]:
    return {} if depth == 1 else {"a": nested(depth - 1)}


def test_metadata_is_nested_at_most_eight_deep() -> None:
    assert Transaction.parse(document(metadata=nested(8))).metadata == nested(8)
    for deep in (nested(9), nested(400)):
        with pytest.raises(InvalidTransaction, match=r"^metadata: must be nested at most 8"):
            Transaction.parse(document(metadata=deep))


@pytest.mark.parametrize(
    "fits",
    [
        {"reference": "\U0001f600" * 200},
        {"reference": "Invoice 7 / \u00e4"},
        {"metadata": {}},
        {"metadata": {"a": "\u00fc" * 2044}},
        {"metadata": {"b": [1, -(2**53 - 1), None, True, "\x01"], "c": {"d": "x"}}},
        {"linked": True},
    ],
)
def test_what_fits_is_kept(fits: dict[str, Any]) -> None:
    assert Transaction.parse(document(**fits)).to_json() == document(**fits) | {
        "transaction_id": ANY
    }


ID = "abcdefab-0000-4000-8000-00000000000a"
# What each kind needs beside its id, and what it may have.
TARGET = {"target_id": ID}
MONEY = {"debit_account": 1, "credit_account": 2, "amount_minor": 3, "currency": "USD"}
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "transfer": (MONEY, {}),
    "hold": (MONEY, {"expires_in_seconds": 60}),
    "capture": (TARGET, {"amount_minor": 3}),
    "void": (TARGET, {}),
    "reversal": (TARGET, {}),
}
EVERY: dict[str, Any] = MONEY | TARGET | {"expires_in_seconds": 60}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_fields_of_its_own(kind: str) -> None:
    needed, allowed = KINDS[kind]
    base = {"transaction_id": ID, "kind": kind}
    assert Transaction.parse(base | needed).kind == kind
    assert Transaction.parse(base | needed | allowed).to_json() == base | needed | allowed
    for name in needed:
        fewer = {k: v for k, v in needed.items() if k != name}
        with pytest.raises(InvalidTransaction, match=f"^{name}: missing"):
            Transaction.parse(base | fewer)
    for name in EVERY.keys() - needed.keys() - allowed.keys():
        with pytest.raises(InvalidTransaction, match=f"^{name}: not a field of kind {kind}"):
            Transaction.parse(base | needed | {name: EVERY[name]})


def test_the_kind_is_transfer_and_a_hold_lasts_a_week_unless_said_otherwise() -> None:
    base = {"transaction_id": ID} | MONEY
    assert Transaction.parse(base) == Transaction.parse(base | {"kind": "transfer"})
    week = Transaction.parse(base | {"kind": "hold", "expires_in_seconds": 7 * 24 * 3600})
    assert Transaction.parse(base | {"kind": "hold"}) == week


def test_an_id_is_required() -> None:
    with pytest.raises(InvalidTransaction, match=r"^transaction_id: missing"):
        Transaction.parse(MONEY)


@pytest.mark.parametrize("value", [None, [], "x", 1, [document()]])
def test_only_an_object_is_a_transaction(value: object) -> None:
    with pytest.raises(InvalidTransaction, match=r"^transaction: must be an object, got"):
        Transaction.parse(value)


@given(field=st.sampled_from(sorted(document())), value=JSON)
def test_any_json_in_any_field_is_either_kept_exactly_or_refused(field: str, value: object) -> None:
    changed = document(**{field: value})
    try:
        said = Transaction.parse(changed).to_json()[field]
    except InvalidTransaction as error:
        said = str(error)
        value = said if said.startswith((field, "credit_account")) else "the name of the field"
    assert said == value or (field == "transaction_id" and said == str(value).lower())


def test_an_error_does_not_repeat_the_value() -> None:
    with pytest.raises(InvalidTransaction) as caught:
        Transaction.parse(document(currency="4929-1234-5678-9012"))
    assert "4929" not in str(caught.value)
    assert shape(b"bytes") == "no JSON value"


def test_it_needs_only_the_standard_library() -> None:
    """The functions bundle it without packages."""
    code = "import app_service.ledger.transaction, sys; print('starlette' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("False", "")
