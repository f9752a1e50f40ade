"""A batch that cannot be posted as a whole is posted in parts: in halves, and halves of these."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from app_service.ledger.transaction import Transaction
from lambda_src.shared.database import connect_to_writer
from lambda_src.transaction_processor.posting import (
    ACCOUNT_BUSY,
    NO_TIME,
    POSTING_FAILED,
    SqlLedger,
)
from tests.lambda_src.cluster import MASTER, Cluster
from tests.lambda_src.submissions import (
    ALICE,
    EUROS,
    balance,
    submitted,
    transaction,
)


def test_one_transaction_that_fails_the_call_does_not_hold_back_the_others(
    master: Connection, ledger: SqlLedger, caplog: pytest.LogCaptureFixture
) -> None:
    """Else all of them would become dead letters together."""
    master.run(
        """
        CREATE FUNCTION ledger.fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF NEW.amount_minor = 13 THEN
                RAISE EXCEPTION 'made to fail' USING ERRCODE = '23514';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER fail BEFORE INSERT ON ledger.transactions
            FOR EACH ROW EXECUTE FUNCTION ledger.fail()
        """
    )
    bad = replace(transaction(7), amount_minor=13)
    batch = [transaction(n) if n != 7 else bad for n in range(1, 21)]
    assert ledger.post(submitted(*batch)) == ["posted"] * 6 + [POSTING_FAILED] + ["posted"] * 13
    lines = [vars(record) for record in caplog.records if record.message == "posting failed"]
    assert (lines[0]["transactions"], lines[-1]["transactions"]) == (20, 1)
    assert all("made to fail (23514)" in line["reason"] for line in lines)


class CountsCalls:
    def __init__(self, connection: Connection, calls: list[int]) -> None:
        self._connection = connection
        self._calls = calls

    def prepare(self, sql: str) -> "CountsCalls":
        self._statement = self._connection.prepare(sql)
        return self

    def run(self, **arguments: object) -> Any:
        self._calls.append(1)
        return self._statement.run(**arguments)

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def locked(cluster: Cluster, ledger_database: str) -> Iterator[None]:
    """Another session holds EUROS for longer than any wait."""
    with cluster.session(ledger_database) as other:
        other.run("START TRANSACTION")
        other.run("SELECT FROM ledger.accounts WHERE account_id = :id FOR UPDATE", id=EUROS)
        yield
        other.run("ROLLBACK")


def of_locked(number: int) -> Transaction:
    return transaction(number, credit_account=EUROS)


@pytest.mark.usefixtures("locked")
def test_an_account_that_is_locked_does_not_stop_the_transactions_of_others(
    master: Connection, ledger: SqlLedger, connections: list[Connection]
) -> None:
    batch = submitted(transaction(1), of_locked(2), transaction(3), of_locked(4), transaction(5))
    assert ledger.post(batch) == ["posted", ACCOUNT_BUSY, "posted", ACCOUNT_BUSY, "posted"]
    assert balance(master, ALICE) == 300
    assert len(connections) == 1


@pytest.mark.usefixtures("locked")
def test_a_single_transaction_of_a_locked_account_is_not_tried_twice(ledger: SqlLedger) -> None:
    assert ledger.post(submitted(of_locked(1))) == [ACCOUNT_BUSY]


class AlwaysLocked:
    """A connection that waits for an account in vain, and says how long."""

    def __init__(self) -> None:
        self.waits_ms: list[int] = []

    def prepare(self, _sql: str) -> "AlwaysLocked":
        return self

    def run(self, *, lock_wait_ms: int, **_arguments: object) -> None:
        self.waits_ms.append(lock_wait_ms)
        raise DatabaseError({"C": "55P03", "M": "canceling statement due to lock timeout"})


@pytest.mark.usefixtures("locked")
def test_one_locked_account_costs_a_large_batch_few_calls(
    cluster: Cluster, ledger_database: str
) -> None:
    calls: list[int] = []
    connection: Any = CountsCalls(connect_to_writer(cluster.target(ledger_database), MASTER), calls)
    ledger = SqlLedger(connect=lambda: connection, pause_up_to=lambda _: None)
    others = [transaction(n) for n in range(1, 500)]
    verdicts = ledger.post(submitted(*others[:170], of_locked(500), *others[170:]))
    connection.close()
    assert verdicts == ["posted"] * 170 + [ACCOUNT_BUSY] + ["posted"] * 329
    assert len(calls) < len(verdicts) / 10


def test_however_many_wait_for_a_locked_account_the_function_has_time_to_answer() -> None:
    """A batch has up to 500 messages, and the function 30 s."""
    connection: Any = AlwaysLocked()
    ledger = SqlLedger(connect=lambda: connection, pause_up_to=lambda _: None)
    batch = submitted(*map(of_locked, range(1, 501)))
    assert ledger.post(batch) == [ACCOUNT_BUSY] * 500
    assert sum(connection.waits_ms) < 5_000


def test_a_slow_database_and_a_locked_account_leave_the_function_time_to_answer() -> None:
    """The parts that are not begun come again, as the locked ones do."""
    connection: Any = AlwaysLocked()
    clock = [0.0]

    def now() -> float:
        clock[0] += 0.25  # a call takes this long
        return clock[0]

    ledger = SqlLedger(connect=lambda: connection, pause_up_to=lambda _: None, now=now)
    batch = submitted(*map(of_locked, range(1, 501)))
    verdicts = ledger.post(batch)
    assert set(verdicts) == {ACCOUNT_BUSY, NO_TIME}
    assert (len(verdicts), verdicts[-1]) == (500, NO_TIME)
    assert len(connection.waits_ms) < 40
