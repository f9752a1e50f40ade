"""Objects of an audit writer from before the chain, which runs during an update or a rollback."""

from dataclasses import replace

import pytest

from lambda_src.audit_verifier.archive import ObjectVersion, StoredObject
from tests.lambda_src.audit_verifier.world import World, batch_of, id_of, packed, unpacked


def test_an_object_without_a_place_in_the_chain_is_confirmed_by_the_record(world: World) -> None:
    keys = world.delivered([1], [2], [3])
    content, metadata = world.archive.drop(keys[1])
    world.archive.put(keys[1], content, {})
    assert world.found() == set()
    del metadata["chain-hash"]
    world.archive.replace(keys[1], content, metadata)  # a part of it is no such object
    assert world.found() == {("altered", "object", keys[1])}


def test_such_an_object_is_compared_with_the_ledger(world: World) -> None:
    [key] = world.delivered([1])
    content, _ = world.archive.drop(key)
    records = [record | {"amount_minor": 7} for record in unpacked(content)]
    world.archive.put(key, packed(records), {})
    assert world.found() == {("altered", "transaction", id_of(1))}


@pytest.fixture
def keys(world: World) -> tuple[str, str]:
    """Of a batch that was posted before midnight and sealed after it: where such a writer stored
    it, and its own key. It is stored in the first."""
    world.post(1)
    world.as_superuser(
        "UPDATE ledger.transactions SET posted_at = posted_at - interval '1 day'",
        "UPDATE ledger.outbox_v2 SET created_at = created_at - interval '1 day'",
    )
    [own] = world.deliver()
    [[day]] = world.session.run(
        "SELECT to_char(posted_at AT TIME ZONE 'UTC', 'YYYY/MM/DD') FROM ledger.transactions"
    )
    content, _ = world.archive.drop(own)
    earlier = f"audit/{day}/{batch_of(own)}.ndjson.gz"
    assert earlier != own
    world.archive.put(earlier, content, {})
    return earlier, own


def test_such_an_object_may_be_under_the_day_of_posting(
    world: World, keys: tuple[str, str]
) -> None:
    world.delivered([2])
    report = world.verify()
    assert report.is_consistent, report.discrepancies


def test_it_is_compared_there(world: World, keys: tuple[str, str]) -> None:
    [(_, stored)] = world.archive.versions_of[keys[0]]
    assert stored is not None
    records = [record | {"amount_minor": 7} for record in unpacked(stored.content)]
    world.archive.replace(keys[0], packed(records), {})
    assert world.found() == {("altered", "transaction", id_of(1))}


def test_another_object_under_that_day_is_unknown(world: World, keys: tuple[str, str]) -> None:
    """A second one of the batch, one with a place in the chain, one of another batch or day."""
    content, _ = world.archive.drop(keys[0])
    others = [
        keys[0].replace(batch_of(keys[0])[-5:], "fffff"),
        "audit/2001/01/01/" + keys[0].rpartition("/")[2],
    ]
    for other in (keys[0], *others):
        world.archive.put(other, content, {"chain-number": "1"})
    found = world.found()
    assert {("unknown", "object", other) for other in (keys[0], *others)} <= found
    assert ("missing", "batch", batch_of(keys[0])) in found
    world.archive.replace(keys[0], content, {})
    world.archive.put(keys[1], content, {})
    assert ("unknown", "object", keys[0]) in world.found()
    world.archive.drop(keys[1])
    world.archive.delete(keys[0])
    assert ("missing", "batch", batch_of(keys[0])) in world.found()


def test_an_answer_whose_head_broke_off_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client of S3 sees an object without metadata and content."""
    keys = world.delivered([1], [2])
    read, broken = world.archive.read, set(keys)

    def breaking(version: ObjectVersion) -> StoredObject | None:
        stored = read(version)
        if stored is None or version.key not in broken:
            return stored
        broken.discard(version.key)
        return replace(stored, metadata={}, content=b"")

    monkeypatch.setattr(world.archive, "read", breaking)
    assert world.found() == set()
    assert not broken
