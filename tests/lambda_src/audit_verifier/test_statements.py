"""What the verifier asks the database for does not grow with the ledger."""

from datetime import datetime
from typing import Any

from lambda_src.audit_verifier import queries
from lambda_src.audit_verifier.ledger import Ledger
from lambda_src.audit_verifier.report import Window
from lambda_src.audit_verifier.verification import verify
from tests.lambda_src.audit_verifier.world import AT_ONCE, World, id_of


class Recorded:
    """A session that remembers the statements."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.statements: list[tuple[str, dict[str, Any]]] = []

    def run(self, sql: str, **values: Any) -> Any:
        self.statements.append((sql, values))
        return self.session.run(sql, **values)

    def count(self, sql: str) -> int:
        return sum(each == sql for each, _ in self.statements)


def recorded(world: World, window: Window | None = None) -> Recorded:
    session = Recorded(world.session)
    verify(
        connection=session,
        archive=world.archive,
        window=window or Window(),
        cursor=None,
        seconds_left=lambda: 900,
        limits=AT_ONCE,
    )
    return session


def test_no_statement_reads_every_transaction(world: World) -> None:
    world.delivered([1, 2], [3])
    world.post(4)
    session = recorded(world)
    for sql, values in session.statements:
        if "ledger." in sql:
            plan = "\n".join(row for (row,) in world.session.run(f"EXPLAIN {sql}", **values))
            assert "Seq Scan on transactions" not in plan, sql


def test_years_without_transactions_are_few_statements(world: World) -> None:
    """And the oldest transaction is found, however old."""
    world.post(1)
    world.as_superuser(
        "DELETE FROM ledger.outbox_v2",
        "UPDATE ledger.transactions SET posted_at = '2020-01-01T00:00:00Z'",
    )
    assert ("missing", "transaction", id_of(1)) in world.found()
    assert recorded(world).count(queries.POSTED_SQL) < 120


def test_transactions_far_apart_are_looked_up_apart(world: World) -> None:
    """Between them may be millions of others."""
    world.delivered([1], [2])
    world.post(3)
    moments = {id_of(1): "2026-11-01T00:00:00Z", id_of(2): "2026-11-01T00:10:00Z"}
    session = Recorded(world.session)
    ledger = Ledger(session)
    ledger.places(moments)
    assert session.count(queries.PLACES_SQL) == 1
    ledger.places(moments | {id_of(3): "2026-11-01T00:20:01Z"})
    assert session.count(queries.PLACES_SQL) == 3
    [*_, (_, near), (_, far)] = session.statements
    assert (near["first"], near["last"]) == ("2026-11-01T00:00:00Z", "2026-11-01T00:10:00Z")
    assert far["first"] == far["last"] == "2026-11-01T00:20:01Z"


def test_transactions_that_come_again_are_looked_up_once_for_many_batches(world: World) -> None:
    world.post(1)
    world.post(2)
    [[start]] = world.session.run("SELECT clock_timestamp()")
    assert isinstance(start, datetime)
    world.session.run("SELECT pg_sleep(0.002)")
    for number in (1, 2):
        world.as_superuser(
            "DELETE FROM ledger.outbox_v2",
            "INSERT INTO ledger.outbox_v2 (transaction_ids, bytes_max, created_at)"
            " SELECT ARRAY[transaction_id], 1000, posted_at FROM ledger.transactions"
            f" WHERE transaction_id = '{id_of(number)}'",
        )
        world.deliver()
    session = recorded(world, Window(start=start))
    assert session.count(queries.PLACES_SQL) == 1
