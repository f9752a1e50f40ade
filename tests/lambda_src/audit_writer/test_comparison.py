"""S23: an object that holds the batch is the batch; one that differs in anything is not."""

import gzip
import json
from typing import Any

import pytest

from lambda_src.audit_writer.comparison import difference
from tests.lambda_src.audit_writer.posted import before_the_chain, first_version, record


def packed(*records: dict[str, Any], level: int = 9) -> bytes:
    lines = [json.dumps(one, separators=(",", ":")) + "\n" for one in records]
    return gzip.compress("".join(lines).encode(), compresslevel=level, mtime=0)


OWN = packed(record(1), record(2))


@pytest.mark.parametrize("is_chained", [True, False])
def test_how_it_was_packed_does_not_matter(is_chained: bool) -> None:
    stored = packed(record(1), record(2), level=1)
    assert stored != OWN
    assert difference(stored, OWN, is_chained=is_chained) is None


NOBODY: dict[str, Any] = {
    "client_id": ...,
    "user_id": ...,
    "path": ...,
}  # before senders were recorded


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        (first_version(1), record(1, **NOBODY)),
        (before_the_chain(1), record(1)),
    ],
    ids=["of the first version", "of the version before the chain"],
)
def test_what_an_earlier_version_stored_may_lack_only_later_fields(
    earlier: dict[str, Any], now: dict[str, Any]
) -> None:
    """The batch is made again with all fields when it is sent again."""
    stored, own = packed(earlier, record(2)), packed(now, record(2))
    assert difference(stored, own, is_chained=False) is None
    assert difference(stored, own, is_chained=True) == (
        "has another record in the place of transactions[0]"
    )


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (packed(record(1)), "has 1 records and the batch 2"),
        (packed(record(2), record(1)), "has another record in the place of transactions[0]"),
        (packed(record(1), record(3)), "has another record in the place of transactions[1]"),
        (
            packed(record(1), before_the_chain(2, amount_minor=1)),
            "has another record in the place of transactions[1]",
        ),
        (
            packed(record(1), record(2) | {"hash": "0" * 64}),
            "has another record in the place of transactions[1]",
        ),
        (
            packed(record(1), record(2) | {"note": 1}),
            "is no gzip file, or a longer one",
        ),
        (gzip.compress(b"[]\n{"), "has another record in the place of transactions[0]"),
        (gzip.compress(b"{\n{"), "has another record in the place of transactions[0]"),
        (b"plain text", "is no gzip file, or a longer one"),
        (OWN[:-4], "is no gzip file, or a longer one"),
        (OWN + b"more", "is no gzip file, or a longer one"),
        (gzip.compress(b"\n" * 10_000_000), "is no gzip file, or a longer one"),
    ],
    ids=[
        "a record less", "another order", "another record", "another amount", "another hash",
        "a field more", "a list", "no JSON", "no gzip", "cut off", "appended", "a bomb",
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_chained", [True, False])
def test_anything_else_is_a_difference(stored: bytes, text: str, is_chained: bool) -> None:
    assert difference(stored, OWN, is_chained=is_chained) == text


def test_a_hold_never_lacked_its_kind() -> None:
    hold = record(1, kind="hold")
    stored = packed({name: value for name, value in hold.items() if name != "kind"})
    assert difference(stored, packed(hold), is_chained=False) is not None


def test_true_is_not_one() -> None:
    stored = packed(before_the_chain(1, amount_minor=True))
    assert difference(stored, packed(record(1, amount_minor=1)), is_chained=False) is not None
