"""Each difference between an object and its batch is named, with what the chain confirms."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app_service.outbox.canonical_record import record_hash
from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.listing import listed
from lambda_src.audit_verifier.report import Kind, Subject
from lambda_src.audit_verifier.walk import Pair, in_groups
from tests.lambda_src.audit_verifier.world import (
    AT_ONCE,
    World,
    batch_of,
    id_of,
    packed,
    unpacked,
)


def test_an_amount_that_was_altered_in_an_object_is_named_and_the_chain_says_where(
    world: World,
) -> None:
    keys = world.delivered([1], [2, 3])
    content, metadata = world.archive.drop(keys[1])
    records = unpacked(content)
    records[1]["amount_minor"] = 999
    world.archive.put(keys[1], packed(records), metadata)
    [found] = world.verify().discrepancies
    assert (found.kind, found.subject, found.id) == ("altered", "transaction", id_of(3))
    assert "amount_minor is 999 in the object and 100 in the ledger" in found.detail
    assert found.detail.endswith("the chain confirms the ledger")


def test_a_row_of_the_ledger_that_was_altered_is_named_and_the_chain_says_where(
    world: World,
) -> None:
    keys = world.delivered([1], [2, 3])
    world.as_superuser(
        f"UPDATE ledger.transactions SET amount_minor = 1 WHERE transaction_id = '{id_of(2)}'"
    )
    found = {each.subject.value: each for each in world.verify().discrepancies}
    assert {each.kind.value for each in found.values()} == {"altered"}
    assert found["transaction"].id == id_of(2)
    assert found["transaction"].detail.endswith("the chain confirms the object")
    assert found["batch"].id == batch_of(keys[1])


def test_a_row_that_was_altered_before_its_batch_was_sent_breaks_the_chain(world: World) -> None:
    world.post(1)
    [message] = world.seal()
    world.as_superuser("UPDATE ledger.transactions SET amount_minor = 1")
    assert world.found() == {("altered", "batch", message["batch_id"])}


def test_two_objects_that_were_swapped_are_both_altered(world: World) -> None:
    keys = world.delivered([1], [2])
    first, second = (world.archive.drop(key) for key in keys)
    world.archive.put(keys[0], *second)
    world.archive.put(keys[1], *first)
    assert world.found() == {("altered", "object", key) for key in keys}


def test_a_second_version_and_a_delete_marker_are_altered(world: World) -> None:
    keys = world.delivered([1], [2], [3])
    world.archive.put(keys[0], *world.archive.newest(keys[0]))
    world.archive.delete(keys[1])
    assert world.found() == {("altered", "object", key) for key in keys[:2]}


def test_an_object_whose_content_does_not_have_its_checksum_is_altered(world: World) -> None:
    [key] = world.delivered([1])
    content, metadata = world.archive.drop(key)
    world.archive.put(key, content, metadata, is_intact=False)
    assert world.found() == {("altered", "object", key)}


def test_an_object_that_is_too_large_is_altered_and_not_read(world: World) -> None:
    keys = world.delivered([1], [2])
    content, metadata = world.archive.drop(keys[0])
    world.archive.put(keys[0], content, metadata, size=10**9)
    assert world.found() == {("altered", "object", keys[0])}
    assert world.archive.read_keys == [keys[1]]


def test_large_objects_are_not_held_together(world: World) -> None:
    keys = world.delivered([1], [2], [3])
    limits = replace(AT_ONCE, stored_bytes=1)
    groups = in_groups((Pair(key=each.key, listed=each) for each in listed(world.archive)), limits)
    assert [[pair.key for pair in group] for group in groups] == [[key] for key in keys]
    assert world.found(limits=limits) == set()


def test_metadata_that_was_altered_is_found(world: World) -> None:
    [key] = world.delivered([1])
    content, metadata = world.archive.drop(key)
    world.archive.put(key, content, metadata | {"chain-number": "7"})
    assert world.found() == {("altered", "object", key)}


def test_content_that_is_no_record_is_altered(world: World) -> None:
    for number, content in enumerate([b"", b"no gzip", packed([])[:9], packed([]), packed([{}])]):
        [key] = world.delivered([number + 1])
        _, metadata = world.archive.drop(key)
        world.archive.put(key, content, metadata)
        assert ("altered", "object", key) in world.found(), content


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ('"amount_minor":100', '"amount_minor":999999,"amount_minor":100'),
        ('"amount_minor":100', '"amount_minor": 100'),
        ('"currency":"USD"', '"currency":"\\u0055SD"'),
    ],
)
def test_a_line_of_the_same_values_in_another_text_is_altered(
    world: World, part: str, other: str
) -> None:
    [key] = world.delivered([1])
    content, metadata = world.archive.drop(key)
    text = gzip.decompress(content).decode()
    assert part in text
    world.archive.put(key, gzip.compress(text.replace(part, other).encode()), metadata)
    [found] = world.verify().discrepancies
    assert (found.kind, found.subject, found.id) == ("altered", "transaction", id_of(1))
    assert "its text is not as the audit writer writes it" in found.detail


def test_a_value_that_is_equal_in_python_only_is_altered(world: World) -> None:
    [key] = world.delivered([1])
    _rewrite(world, key, lambda records: [_rehashed(records[0] | {"amount_minor": 100.0})])
    assert world.found() == {("altered", "transaction", id_of(1))}


def test_a_record_with_a_hash_of_its_own_contents_is_altered_all_the_same(world: World) -> None:
    [key] = world.delivered([1])
    _rewrite(world, key, lambda records: [_rehashed(records[0] | {"amount_minor": 7})])
    [found] = world.verify().discrepancies
    assert (found.kind, found.subject, found.id) == ("altered", "transaction", id_of(1))
    assert found.detail.endswith("the chain confirms the ledger")


def test_when_both_sides_were_altered_the_chain_confirms_neither(world: World) -> None:
    [key] = world.delivered([1])
    _rewrite(world, key, lambda records: [records[0] | {"amount_minor": 7}])
    world.as_superuser("UPDATE ledger.transactions SET amount_minor = 8")
    details = [each.detail for each in world.verify().discrepancies]
    assert any(detail.endswith("the chain confirms neither") for detail in details)


def test_a_detail_is_short_and_says_what_the_chain_confirms(world: World) -> None:
    """An answer of Lambda has at most 6 MB."""
    [key] = world.delivered([1])
    many = {f"{number:03}" + "x" * 60: "y" * 100 for number in range(20)}
    _rewrite(world, key, lambda records: [records[0] | many])
    [found] = world.verify().discrepancies
    assert len(found.detail) <= 500
    assert found.detail.endswith("...; the chain confirms the ledger")
    other = Findings()
    other.add(Kind.ALTERED, Subject.OBJECT, "o", "d" * 501)
    assert other.listed[0].detail == "d" * 497 + "..."


def test_records_that_were_added_repeated_or_reordered_are_altered(world: World) -> None:
    keys = world.delivered([1, 2], [3, 4], [5, 6])
    _rewrite(world, keys[0], lambda records: [*records, records[0]])
    _rewrite(world, keys[1], lambda records: records[::-1])
    _rewrite(
        world,
        keys[2],
        lambda records: [*records, *(records[0] | {"transaction_id": id_of(n)} for n in range(9))],
    )
    found = {each.id: each.detail for each in world.verify().discrepancies}
    assert found[keys[0]] == "it holds 1 transactions more than once"
    assert found[keys[1]] == "its transactions have another order than its batch"
    assert "and 4 more that its batch does not have" in found[keys[2]]


def test_a_line_that_only_mentions_a_deleted_transaction_is_compared(world: World) -> None:
    [key] = world.delivered([1, 2])
    _rewrite(world, key, lambda records: [records[0] | {"reference": id_of(2)}, records[1]])
    world.as_superuser(f"DELETE FROM ledger.transactions WHERE transaction_id = '{id_of(2)}'")
    assert world.found() == {
        ("unknown", "transaction", id_of(2)),
        ("altered", "transaction", id_of(1)),
    }
    _, metadata = world.archive.drop(key)
    world.archive.put(key, gzip.compress(b"no record\n"), metadata)
    assert ("altered", "object", key) in world.found()


def _rewrite(
    world: World, key: str, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    content, metadata = world.archive.drop(key)
    world.archive.put(key, packed(change(unpacked(content))), metadata)


def _rehashed(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"hash": record_hash(record)}
