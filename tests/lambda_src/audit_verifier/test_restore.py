"""After a restore of the database the bucket holds what the ledger has forgotten."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.lambda_src.audit_verifier.world import FakeArchive, World, id_of
from tests.lambda_src.cluster import Cluster


@dataclass(kw_only=True)
class Restored:
    before: list[str]  # keys of objects from before the backup
    forgotten: list[str]  # from after it
    world: World


@pytest.fixture
def archive() -> FakeArchive:
    return FakeArchive()


@pytest.fixture
def restored(cluster: Cluster, ledger_database: str, archive: FakeArchive) -> Iterator[Restored]:
    """A backup with transaction 2 in the outbox. Then 2 is sent, and 3 and 4 are posted and sent;
    then the backup is restored."""
    with cluster.session(ledger_database) as session:
        world = World(session=session, archive=archive)
        before = world.delivered([1])
        world.post(2)
    backup = cluster.create_database(ledger_database)
    with cluster.session(ledger_database) as session:
        world = World(session=session, archive=archive)
        forgotten = world.deliver() + world.delivered([3, 4])
    with cluster.session(backup) as session:
        yield Restored(
            before=before, forgotten=forgotten, world=World(session=session, archive=archive)
        )


def test_the_fork_of_the_chain_is_named_with_what_the_ledger_does_not_have(
    restored: Restored,
) -> None:
    world = restored.world
    world.delivered([5])  # 2 is sealed again, with 5
    discrepancies = world.verify().discrepancies
    assert {(each.kind.value, each.subject.value, each.id) for each in discrepancies} == {
        *(("unknown", "object", key) for key in restored.forgotten),
        *(("unknown", "transaction", id_of(number)) for number in (3, 4)),
        ("double", "transaction", id_of(2)),
        ("unknown", "chain", "2"),
    }
    details = {(each.subject.value, each.id): each.detail for each in discrepancies}
    assert restored.forgotten[1] in details["transaction", id_of(3)]
    assert restored.forgotten[0] in details["transaction", id_of(2)]
    fork = details["chain", "2"]
    assert fork.startswith(f"{restored.forgotten[0]} has this number, and the ledger has batch ")
    assert "does not know 2 objects, and does not have 2 of their transactions" in fork


def test_the_bucket_goes_on_where_the_restored_chain_ends(restored: Restored) -> None:
    [fork] = [
        each for each in restored.world.verify().discrepancies if each.subject.value == "chain"
    ]
    assert (fork.id, "has no batch after number 1" in fork.detail) == ("2", True)


def test_what_was_sent_from_the_backup_again_is_in_the_bucket_already(
    cluster: Cluster, ledger_database: str, archive: FakeArchive
) -> None:
    """The batch was sealed in the backup: it is sent again as the same batch."""
    with cluster.session(ledger_database) as session:
        world = World(session=session, archive=archive)
        world.post(1)
        [message] = world.seal()
    backup = cluster.create_database(ledger_database)
    world.store(message)
    with cluster.session(backup) as session:
        world = World(session=session, archive=archive)
        assert world.seal() == [message]
        world.record_sent(message)
        world.store(message)
        assert world.found() == set()
