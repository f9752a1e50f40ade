"""What is sent to the queue: the n-th group of messages is a function of the seed and n."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any, Final
from uuid import UUID

from lambda_src.shared.queue_messages import SEND_BYTES_MAX
from soak.message import POSTED, RECEIVED_TOO_OFTEN, Message, has_room

# The accounts of the soak.
BANK, EURO_BANK = 1, 2  # may go negative
PEOPLE: Final = range(100, 116)  # hot: every batch needs some of them
POOR: Final = 90  # nobody pays it
UNKNOWN: Final = 999_999

# Emoji of several code points, combining and invisible characters, right to left, line separators.
_UNICODE: Final = (
    "bill \U0001f9fe paid \U0001f44d\U0001f3fd", "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "e\u0301 and \u00e9", "\u05e9\u05dc\u05d5\u05dd", "\u65e5\u672c\u8a9e", "\u200b", "\ufdfa",
    "\U0001d518", "\u2028", "\ufeff", 'quote " \\ {},', "'; DROP TABLE ledger.entries; --", "null",
)  # fmt: skip


def messages_of(seed: int, number: int) -> list[Message]:
    """Messages that belong together, such as a hold and its capture; each is sent on its own."""
    dice = Random(f"{seed} message {number}")
    [make] = dice.choices([*_KINDS], [*_KINDS.values()])
    return [
        replace(message, correlation_id=f"{number}-{place}")
        for place, message in enumerate(make(dice))
    ]


def transfer(dice: Random, **changes: Any) -> dict[str, Any]:
    """From the bank, which has always enough, to one of the people."""
    found: dict[str, Any] = {
        "transaction_id": str(UUID(int=dice.getrandbits(128), version=4)),
        "debit_account": BANK,
        "credit_account": dice.choice(PEOPLE),
        "amount_minor": dice.randint(1, 10_000),
        "currency": "USD",
    }
    if dice.random() < 0.5:
        found["reference"] = f"{dice.choice(_UNICODE)} {dice.randint(0, 99)}"
    if dice.random() < 0.3:
        found["metadata"] = {
            dice.choice(_UNICODE): [
                dice.choice(_UNICODE),
                None,
                dice.randint(-(2**53) + 1, 2**53 - 1),
            ],
            "nested": {"": {}},
        }
    return found | changes


def follow_up(dice: Random, kind: str, target: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    own = str(UUID(int=dice.getrandbits(128), version=4))
    return {"transaction_id": own, "kind": kind, "target_id": target["transaction_id"], **more}


def submitted(transaction: Mapping[str, Any], **envelope: Any) -> str:
    whole = {"type": "transaction.submitted", "version": 1, "transaction": transaction} | envelope
    return json.dumps(whole, ensure_ascii=False)


def _valid(dice: Random) -> list[Message]:
    one = transfer(dice)
    return [Message(kind="valid", body=submitted(one), allowed_outcomes=(POSTED,), transaction=one)]


def _between_people(dice: Random) -> list[Message]:
    one = transfer(dice, debit_account=PEOPLE[0], credit_account=dice.choice(PEOPLE[1:]))
    allowed = (POSTED, "refused: insufficient_funds")
    return [
        Message(
            kind="between people", body=submitted(one), allowed_outcomes=allowed, transaction=one
        )
    ]


def _double(dice: Random) -> list[Message]:
    one = transfer(dice)
    return [
        Message(
            kind="same id, same contents",
            body=submitted(one, copy=copy),
            allowed_outcomes=(POSTED,),
            transaction=one,
            delay_seconds=dice.choice((0, 0, 1, 3)),
        )
        for copy in range(dice.randint(2, 4))
    ]


def _conflict(dice: Random) -> list[Message]:
    one = transfer(dice)
    other = one | {"amount_minor": one["amount_minor"] + 1}
    return [
        Message(
            kind="same id, other contents",
            body=submitted(each),
            allowed_outcomes=(POSTED, "dead: conflict"),
            transaction=each,
            delay_seconds=dice.choice((0, 0, 2)),
        )
        for each in (one, other)
    ]


def _refused(dice: Random) -> list[Message]:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"debit_account": POOR}, "insufficient_funds"),
        ({"debit_account": UNKNOWN}, "account_not_found"),
        ({"credit_account": UNKNOWN}, "account_not_found"),
        ({"currency": "EUR"}, "currency_mismatch"),
        ({"credit_account": EURO_BANK}, "currency_mismatch"),
    ]
    changes, reason = dice.choice(wrong)
    one = transfer(dice, **changes)
    body = submitted(one)
    return [
        Message(
            kind="refused", body=body, allowed_outcomes=(f"refused: {reason}",), transaction=one
        )
    ]


def _hold(dice: Random) -> list[Message]:
    hold = transfer(dice, kind="hold")
    if dice.random() < 0.3:
        hold["expires_in_seconds"] = dice.randint(1, 3)  # the service expires it
    kind = dice.choice(("capture", "void"))
    part = {"amount_minor": dice.randint(1, hold["amount_minor"])} if kind == "capture" else {}
    closing = follow_up(dice, kind, hold, **(part if dice.random() < 0.5 else {}))
    # A queue has no order: the second may come first.
    allowed = (POSTED, "refused: transaction_not_found", "refused: hold_closed")
    return [
        Message(kind="hold", body=submitted(hold), allowed_outcomes=(POSTED,), transaction=hold),
        Message(
            kind=kind,
            body=submitted(closing),
            allowed_outcomes=allowed,
            transaction=closing,
            delay_seconds=dice.choice((0, 2)),
        ),
    ]


def _reversal(dice: Random) -> list[Message]:
    one = transfer(dice)
    back = [follow_up(dice, "reversal", one) for _ in range(dice.randint(1, 2))]
    allowed = (
        POSTED,
        "refused: transaction_not_found",
        "refused: already_reversed",
        "refused: insufficient_funds",
    )
    return [
        Message(kind="valid", body=submitted(one), allowed_outcomes=(POSTED,), transaction=one),
        *(
            Message(
                kind="reversal",
                body=submitted(each),
                allowed_outcomes=allowed,
                transaction=each,
                delay_seconds=dice.choice((0, 2)),
            )
            for each in back
        ),
    ]


def _malformed(dice: Random) -> list[Message]:
    one = transfer(dice)
    text = submitted(one)
    body, reason = dice.choice(
        [
            (text[: len(text) // 2], "bad_json"),
            (f"{one['transaction_id']} no JSON", "bad_json"),
            (f'["{one["transaction_id"]}"]', "bad_json"),
            (text.replace('"version": 1', '"version": 1, "version": 1'), "bad_json"),
            (text.replace('"version": 1', '"version": 1, "\\ud83d": NaN'), "bad_json"),
            (submitted(one, type="transaction.removed"), "unknown_type"),
            (submitted(one, version=0), "unknown_version"),
            (submitted(one, version="1"), "unknown_version"),
            (submitted(one | {"amount_minor": 12.5}), "invalid_transaction"),
            (submitted(one | {"amount_minor": 0}), "invalid_transaction"),
            (submitted(one | {"surprise": True}), "invalid_transaction"),
            (submitted(one | {"reference": "tab\t"}), "invalid_transaction"),
            (submitted(one | {"currency": "XXX"}), "invalid_transaction"),
            (submitted(one | {"linked": True}), "invalid_transaction"),
            (submitted(one | {"credit_account": BANK}), "invalid_transaction"),
            (submitted(one | {"metadata": {"big": "x" * 5000}}), "invalid_transaction"),
        ]
    )
    return [Message(kind=reason, body=body, allowed_outcomes=(f"dead: {reason}",))]


def _large(dice: Random) -> list[Message]:
    """256 KiB and 1 MiB: the envelope may hold more than the ledger reads."""
    size = dice.choice((262_144, SEND_BYTES_MAX - 4096, SEND_BYTES_MAX))
    one = transfer(dice)
    name = "256 KiB" if size < SEND_BYTES_MAX // 2 else "1 MiB"
    if dice.random() < 0.5:
        body = _padded(lambda text: submitted(one, padding=text), size)
        allowed = (POSTED, *_without_room(body))
        return [
            Message(kind=f"valid, {name}", body=body, allowed_outcomes=allowed, transaction=one)
        ]
    body = _padded(lambda text: submitted(one, version=0, padding=text), size)
    allowed = ("dead: unknown_version", *_without_room(body))
    return [Message(kind=f"unknown_version, {name}", body=body, allowed_outcomes=allowed)]


def _without_room(body: str) -> tuple[str, ...]:
    """The largest messages cannot be sent again with an attribute: SQS moves them, later."""
    return () if has_room(body) else (f"dead: {RECEIVED_TOO_OFTEN}",)


def _padded(make: Callable[[str], str], size: int) -> str:
    return make("é" * ((size - len(make("").encode())) // 2))


_KINDS: Final[Mapping[Callable[[Random], list[Message]], int]] = {
    _valid: 60,
    _between_people: 10,
    _double: 10,
    _conflict: 6,
    _refused: 10,
    _hold: 8,
    _reversal: 6,
    _malformed: 6,
    _large: 1,
}
