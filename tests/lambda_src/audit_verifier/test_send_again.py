"""What the verifier finds missing is sent again, once, and is then consistent."""

import pytest
from pg8000.exceptions import DatabaseError

from lambda_src.audit_verifier.report import Repair
from tests.lambda_src.audit_verifier.world import World, batch_of, id_of
from tests.lambda_src.cluster import Cluster


def repair(world: World) -> list[int]:
    """As `make verify-audit APPLY=yes` does it. How many batches and transactions."""
    found = world.verify().discrepancies
    return send_again(
        world,
        batches=[each.id for each in found if each.repair is Repair.SEND_BATCH],
        transactions=[each.id for each in found if each.repair is Repair.SEAL_TRANSACTION],
    )


def send_again(world: World, *, batches: list[str], transactions: list[str]) -> list[int]:
    [row] = world.session.run(
        "SELECT batches, transactions FROM ledger.send_again("
        "CAST(:batches AS uuid[]), CAST(:transactions AS uuid[]))",
        batches=batches,
        transactions=transactions,
    )
    return list(row)


def test_a_missing_batch_is_sent_again_as_the_same_batch(world: World) -> None:
    keys = world.delivered([1], [2, 3])
    content, metadata = world.archive.drop(keys[1])
    assert repair(world) == [1, 0]
    assert world.found() == set()  # it waits
    assert world.deliver() == [keys[1]]
    [(_, stored)] = world.archive.versions_of[keys[1]]
    assert stored is not None
    assert (stored.content, stored.metadata) == (content, metadata)
    assert world.found() == set()


def test_a_missing_transaction_gets_a_batch(world: World) -> None:
    world.delivered([1])
    world.post(2, reference="r" * 200, metadata={"k": "v" * 3000})
    world.as_superuser("DELETE FROM ledger.outbox_v2")
    world.delivered([3])
    assert repair(world) == [0, 1]
    assert world.found() == set()
    world.deliver()
    assert world.found() == set()


def test_it_is_safe_to_repeat_at_every_stage(world: World) -> None:
    [key] = world.delivered([1])
    world.post(2)
    world.as_superuser("DELETE FROM ledger.outbox_v2")
    wanted = {"batches": [batch_of(key)], "transactions": [id_of(2)]}
    assert send_again(world, **wanted) == [1, 1]
    assert send_again(world, **wanted) == [0, 0]
    messages = world.seal()
    assert send_again(world, **wanted) == [0, 0]
    world.record_sent(*messages)
    for message in messages:
        world.store(message)
    assert send_again(world, **wanted) == [1, 0]  # the audit writer finds it stored
    world.deliver()
    assert world.found() == set()


@pytest.mark.parametrize("number", [7, 2])
def test_what_the_ledger_did_not_post_gets_no_batch(world: World, number: int) -> None:
    """Unknown to it, or refused."""
    world.session.run(
        "INSERT INTO ledger.transactions (transaction_id, debit_account, credit_account,"
        " amount_minor, currency, state, reason)"
        f" VALUES ('{id_of(2)}', 1, 2, 5, 'USD', 'refused', 'insufficient_funds')"
    )
    assert send_again(world, batches=[id_of(9)], transactions=[id_of(number)]) == [0, 0]


def test_what_was_posted_before_the_record_began_gets_no_batch(world: World) -> None:
    """It can have been sent: nothing says so."""
    world.delivered([1])
    world.as_superuser("DELETE FROM ledger.sent_batches")
    world.delivered([2])
    assert send_again(world, batches=[], transactions=[id_of(1)]) == [0, 0]


def test_what_was_posted_before_the_oldest_week_of_the_record_gets_no_batch(world: World) -> None:
    world.post(1)
    world.as_superuser(
        "DELETE FROM ledger.outbox_v2",
        "UPDATE ledger.transactions SET posted_at = posted_at - interval '50 days'",
    )
    assert send_again(world, batches=[], transactions=[id_of(1)]) == [0, 0]


def test_relays_and_posting_do_not_wait_for_it(
    cluster: Cluster, ledger_database: str, world: World
) -> None:
    [key] = world.delivered([1])
    world.post(2)
    with cluster.session(ledger_database) as other:
        other.run("BEGIN")
        batches = [batch_of(key)]
        assert send_again(World(session=other), batches=batches, transactions=[]) == [1, 0]
        world.session.run("SET lock_timeout = '1s'")
        assert [len(message["transactions"]) for message in world.seal()] == [1]
        other.run("COMMIT")


def test_calls_wait_for_each_other(cluster: Cluster, ledger_database: str, world: World) -> None:
    """Else both would seal the same transaction."""
    with cluster.session(ledger_database) as other:
        other.run("BEGIN")
        send_again(World(session=other), batches=[], transactions=[])
        world.session.run(
            "ALTER FUNCTION ledger.send_again(uuid[], uuid[]) SET lock_timeout = '100ms'"
        )
        with pytest.raises(DatabaseError, match="55P03"):
            send_again(world, batches=[], transactions=[])
