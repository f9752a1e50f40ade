"""What arrives as JSON means the same to every reader, or it is refused with its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_service.ledger.json_input import NESTING_MAX, InvalidJson, read_document

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('abc_:\\"é😀'), inner),
    max_leaves=30,
)


@given(document=PLAIN, ascii_only=st.booleans())
def test_json_without_a_fault_is_read_as_it_is(document: Any, ascii_only: bool) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert read_document(body) == document


@given(
    pairs=st.lists(st.tuples(st.text("ab"), st.integers() | st.just({})), min_size=1, max_size=5),
    outer=st.sampled_from(["%s", '{"metadata": %s}', "[1, [%s]]", '{"a": {"b": {"c": %s}}}']),
    escaped=st.booleans(),
)
def test_an_object_is_read_if_and_only_if_no_key_comes_twice(
    pairs: list[tuple[str, Any]], outer: str, escaped: bool
) -> None:
    def spelled(key: str) -> str:
        return "".join(f"\\u{ord(c):04x}" for c in key) if escaped else key

    # Every second key with escapes: the spelling does not make another key.
    keys = [spelled(key) if n % 2 else key for n, (key, _) in enumerate(pairs)]
    members = (f'"{key}": {json.dumps(value)}' for key, (_, value) in zip(keys, pairs, strict=True))
    body = (outer % ("{" + ", ".join(members) + "}")).encode()
    if len(dict(pairs)) == len(pairs):
        assert read_document(body) == json.loads(body)
    else:
        with pytest.raises(InvalidJson, match=r"^key '[ab]*' comes twice"):
            read_document(body)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('{"amount_minor": 1, "amount_minor": 2}', "key 'amount_minor' comes twice"),
        (
            '{"transactions": [{}, {"metadata": {"a b": 1, "a b": 1}}]}',
            "key 'a b' comes twice at transactions[1].metadata",
        ),
        ('{"a b": [NaN]}', "NaN is not JSON at ['a b'][0]"),
        ("-Infinity", "-Infinity is not JSON"),
        ('{"a": 1e309}', "a number that is too large for a double at a"),
        ('{"a": ' + "9" * 4301 + "}", "a number of 4301 digits at a"),
        (r'{"a": "\u0000"}', "a NUL character or half a surrogate pair in a string at a"),
        (r'["\udc00\ud800"]', "a NUL character or half a surrogate pair in a string at [0]"),
        (
            r'{"a": {"\ud800": 1}}',
            r"a NUL character or half a surrogate pair in key '\ud800' at a",
        ),
        ('{"a": 1, "a": 2} x', "Extra data: line 1 column 18 (char 17)"),
    ],
)
def test_a_fault_is_named_with_its_place(body: str, fault: str) -> None:
    with pytest.raises(InvalidJson) as refused:
        read_document(body.encode())
    assert str(refused.value) == fault


@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")])
def test_nesting_is_limited_and_not_by_the_stack(pair: tuple[str, str]) -> None:
    def nested(levels: int) -> bytes:
        return (pair[0] * levels + pair[0][:1] + pair[1][-1:] + pair[1] * levels).encode()

    read_document(nested(NESTING_MAX - 1))
    for levels in (NESTING_MAX, 100_000):
        with pytest.raises(InvalidJson, match="nested more than 32 deep"):
            read_document(nested(levels))


def test_many_objects_beside_each_other_are_not_deep() -> None:
    assert len(read_document(b"[" + b"{}," * 999 + b"{}]")) == 1000  # type: ignore[arg-type]


def test_a_long_key_does_not_fill_the_answer() -> None:
    key = "k" * 100_000
    with pytest.raises(InvalidJson) as refused:
        read_document(f'{{"{key}": {{"{key}": 1, "{key}": 2}}}}'.encode())
    assert len(str(refused.value)) < 200
