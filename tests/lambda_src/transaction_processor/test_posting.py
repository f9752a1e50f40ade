"""S32, S65: posting against a real PostgreSQL with the real migrations, and against a failing one.

Failures happen in the database: a trigger fails as often as a sequence says. A sequence is not
rolled back.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, InterfaceError

from app_service.ledger.fields import MAX_INTEGER
from app_service.ledger.transaction import Transaction
from lambda_src.shared.database import DatabaseUnavailable, connect_to_writer
from lambda_src.shared.json_secret import SecretUnreadable
from lambda_src.transaction_processor.posting import (
    ACCOUNT_BUSY,
    BATCH_FAILED,
    BatchFailed,
    LedgerUnavailable,
    SqlLedger,
)
from tests.lambda_src.cluster import MASTER, Cluster
from tests.lambda_src.submissions import (
    ALICE,
    BANK,
    EUROS,
    NOBODY,
    balance,
    submitted,
    transaction,
)


@pytest.fixture
def master(cluster: Cluster, ledger_database: str) -> Iterator[Connection]:
    with cluster.session(ledger_database) as session:
        yield session
        session.run(_FAIL_NO_MORE)


@pytest.fixture
def connections() -> list[Connection]:
    """Those that a ledger of the test has opened, in order."""
    return []


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def ledger(
    cluster: Cluster, ledger_database: str, connections: list[Connection], pauses: list[float]
) -> Iterator[SqlLedger]:
    def connect() -> Connection:
        connections.append(connect_to_writer(cluster.target(ledger_database), MASTER))
        return connections[-1]

    yield SqlLedger(connect=connect, pause_up_to=pauses.append)
    for connection in connections:
        with suppress(Exception):
            connection.close()


_FAIL_NO_MORE = (
    "DROP FUNCTION IF EXISTS ledger.fail CASCADE; DROP SEQUENCE IF EXISTS ledger.failures"
)


def fail_times(master: Connection, times: int, action: str) -> None:
    """From now on the first `times` postings do `action`; later ones succeed."""
    master.run(
        f"""
        CREATE SEQUENCE ledger.failures;
        CREATE FUNCTION ledger.fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF nextval('ledger.failures') <= {times} THEN {action}; END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER fail BEFORE INSERT ON ledger.transactions
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.fail()
        """
    )


def raising(code: str) -> str:
    return f"RAISE EXCEPTION 'made to fail' USING ERRCODE = '{code}'"


DYING = "PERFORM pg_terminate_backend(pg_backend_pid())"


def test_s32_every_verdict_comes_back_in_order(master: Connection, ledger: SqlLedger) -> None:
    verdicts = ledger.post(
        submitted(
            transaction(1, amount_minor=250),
            transaction(2, debit_account=ALICE, credit_account=BANK, amount_minor=251),
            transaction(3, credit_account=NOBODY),
            transaction(4, credit_account=EUROS),
            transaction(1, amount_minor=250),
            transaction(1, amount_minor=251),
            transaction(5, debit_account=ALICE, credit_account=BANK, amount_minor=50),
        )
    )
    assert verdicts == [
        "posted",
        "insufficient_funds",
        "account_not_found",
        "currency_mismatch",
        "replayed",
        "conflict",
        "posted",
    ]
    assert balance(master, ALICE) == 200


def test_s32_a_redelivered_transaction_moves_no_money_again(
    master: Connection, ledger: SqlLedger
) -> None:
    assert ledger.post(submitted(transaction(1))) == ["posted"]
    assert ledger.post(submitted(transaction(1))) == ["replayed"]
    assert balance(master, ALICE) == 100


def test_the_largest_valid_transaction_does_not_fail_the_batch(ledger: SqlLedger) -> None:
    largest = transaction(1, amount_minor=MAX_INTEGER)
    unknown = transaction(2, debit_account=MAX_INTEGER, credit_account=MAX_INTEGER - 1)
    assert ledger.post(submitted(largest, unknown)) == ["posted", "account_not_found"]


def test_a_full_batch_is_posted_in_one_commit(master: Connection, ledger: SqlLedger) -> None:
    assert ledger.post(submitted(*(transaction(n) for n in range(1, 1001)))) == ["posted"] * 1000
    assert master.run("SELECT cardinality(transaction_ids) FROM ledger.outbox_v2") == [[1000]]


def test_the_connection_is_kept(ledger: SqlLedger, connections: list[Connection]) -> None:
    ledger.post(submitted(transaction(1)))
    ledger.post(submitted(transaction(2)))
    assert len(connections) == 1


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
    assert ledger.post(submitted(*batch)) == ["posted"] * 6 + [BATCH_FAILED] + ["posted"] * 13
    [line] = [record for record in caplog.records if record.message == "batch failed"]
    assert "made to fail" in vars(line)["reason"]


@pytest.mark.parametrize("code", ["40001", "40P01", "23505"])
def test_s32_a_lost_race_is_tried_again_at_once(
    master: Connection, ledger: SqlLedger, pauses: list[float], code: str
) -> None:
    fail_times(master, 2, raising(code))
    assert ledger.post(submitted(transaction(1))) == ["posted"]
    assert balance(master, ALICE) == 100
    assert 0 < pauses[0] < pauses[1] < 1


def test_retries_of_a_lost_race_end(master: Connection, ledger: SqlLedger) -> None:
    fail_times(master, 4, raising("40001"))
    with pytest.raises(BatchFailed, match=r"made to fail \(40001\)"):
        ledger.post(submitted(transaction(1)))
    assert ledger.post(submitted(transaction(1))) == ["posted"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("57P01", LedgerUnavailable),  # shutdown
        ("23514", BatchFailed),  # a rule of a table
    ],
)
def test_s42_an_unavailable_database_and_a_failed_batch_differ_and_are_not_retried(
    master: Connection,
    ledger: SqlLedger,
    connections: list[Connection],
    code: str,
    kind: type[Exception],
) -> None:
    fail_times(master, 1, raising(code))
    with pytest.raises(kind, match=code):
        ledger.post(submitted(transaction(1)))
    assert ledger.post(submitted(transaction(1))) == ["posted"]
    assert len(connections) == 2


REVOKED = "REVOKE EXECUTE ON FUNCTION ledger.post_transactions_v2 FROM PUBLIC, ledger_processor"
RENAMED = "ALTER FUNCTION ledger.post_transactions_v2 RENAME TO moved_away"
GRANTED = "GRANT EXECUTE ON FUNCTION ledger.post_transactions_v2 TO ledger_processor"
NAMED = "ALTER FUNCTION ledger.moved_away RENAME TO post_transactions_v2"


@pytest.mark.parametrize(
    "fault",
    [(REVOKED, GRANTED, "42501"), (RENAMED, NAMED, "42883")],
    ids=["right", "function"],
)
def test_s42_a_missing_right_or_function_is_an_outage_that_is_reported(
    cluster: Cluster,
    ledger_database: str,
    master: Connection,
    caplog: pytest.LogCaptureFixture,
    fault: tuple[str, str, str],
) -> None:
    """The messages wait until the database is repaired."""
    change, repair, state = fault

    def connect() -> Connection:
        connection = connect_to_writer(cluster.target(ledger_database), MASTER)
        connection.run("SET ROLE ledger_processor")
        return connection

    ledger = SqlLedger(connect=connect, pause_up_to=lambda _: None)
    master.run(change)
    with pytest.raises(LedgerUnavailable, match=state):
        ledger.post(submitted(transaction(1)))
    assert [vars(line)["wrong_setup"] for line in caplog.records] == [1]
    master.run(repair)
    assert ledger.post(submitted(transaction(1))) == ["posted"]


def test_s65_a_stale_connection_is_replaced_within_the_call(
    master: Connection, ledger: SqlLedger, connections: list[Connection]
) -> None:
    ledger.post(submitted(transaction(1)))
    master.run(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert ledger.post(submitted(transaction(2))) == ["posted"]
    assert len(connections) == 2


def test_s65_a_fresh_connection_that_breaks_is_replaced_by_the_next_call(
    master: Connection, ledger: SqlLedger, connections: list[Connection]
) -> None:
    fail_times(master, 1, DYING)
    with pytest.raises(LedgerUnavailable, match="connection broke"):
        ledger.post(submitted(transaction(1)))
    assert ledger.post(submitted(transaction(1))) == ["posted"]
    assert len(connections) == 2


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


class LosesFirstAnswer:
    """A connection that commits its first posting and breaks before the answer arrives."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def prepare(self, sql: str) -> "LosesFirstAnswer":
        self._statement = self._connection.prepare(sql)
        return self

    def run(self, **arguments: object) -> None:
        self._statement.run(**arguments)
        raise InterfaceError("network error")

    def close(self) -> None:
        self._connection.close()


def test_s32_a_transaction_whose_answer_was_lost_is_posted_once(
    cluster: Cluster, ledger_database: str, master: Connection
) -> None:
    first: Any = LosesFirstAnswer(connect_to_writer(cluster.target(ledger_database), MASTER))
    opened = iter([first, connect_to_writer(cluster.target(ledger_database), MASTER)])
    ledger = SqlLedger(connect=lambda: next(opened), pause_up_to=lambda _: None)
    with pytest.raises(LedgerUnavailable):
        ledger.post(submitted(transaction(1)))
    assert ledger.post(submitted(transaction(1), transaction(2))) == ["replayed", "posted"]
    assert balance(master, ALICE) == 200


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnavailable("no host"),
        SecretUnreadable("no secret"),
        FileNotFoundError("no root certificate"),
    ],
)
def test_without_a_connection_nothing_is_posted(error: Exception) -> None:
    def connect() -> Connection:
        raise error

    ledger = SqlLedger(connect=connect, pause_up_to=lambda _: None)
    with pytest.raises(LedgerUnavailable, match=str(error)):
        ledger.post(submitted(transaction(1)))


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
    assert ledger.post(batch) == [ACCOUNT_BUSY] * 500
    assert len(connection.waits_ms) < 40
