"""What the verifier finds missing is sent again, once, and is then consistent."""

import pytest

from lambda_src.audit_verifier.report import Repair
from tests.lambda_src.audit_verifier.world import World, batch_of, id_of


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
