"""S32, S65: posting against a real PostgreSQL with the real migrations, and against a failing one.

Failures happen in the database: a trigger fails as often as a sequence says. A sequence is not
rolled back.
"""

from typing import Any

import pytest
from pg8000.native import Connection, InterfaceError

from app_service.ledger.fields import MAX_INTEGER
from lambda_src.shared.database import DatabaseUnavailable, connect_to_writer
from lambda_src.shared.json_secret import SecretUnreadable
from lambda_src.transaction_processor.posting import (
    POSTING_FAILED,
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


@pytest.mark.parametrize("code", ["40001", "40P01", "23505"])
def test_s32_a_lost_race_is_tried_again_at_once(
    master: Connection, ledger: SqlLedger, pauses: list[float], code: str
) -> None:
    fail_times(master, 2, raising(code))
    assert ledger.post(submitted(transaction(1))) == ["posted"]
    assert balance(master, ALICE) == 100
    assert 0 < pauses[0] < pauses[1] < 1


def test_retries_of_a_lost_race_end(
    master: Connection, ledger: SqlLedger, caplog: pytest.LogCaptureFixture
) -> None:
    fail_times(master, 4, raising("40001"))
    assert ledger.post(submitted(transaction(1))) == [POSTING_FAILED]
    assert vars(caplog.records[-1])["reason"] == "made to fail (40001)"
    assert ledger.post(submitted(transaction(1))) == ["posted"]


def test_s42_a_database_that_shuts_down_is_unavailable_and_not_called_again(
    master: Connection, ledger: SqlLedger, connections: list[Connection]
) -> None:
    fail_times(master, 1, raising("57P01"))
    with pytest.raises(LedgerUnavailable, match="57P01"):
        ledger.post(submitted(transaction(1)))
    assert ledger.post(submitted(transaction(1))) == ["posted"]
    assert len(connections) == 2


def test_s42_an_error_that_the_transaction_causes_is_no_outage_and_not_tried_again(
    master: Connection,
    ledger: SqlLedger,
    connections: list[Connection],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail_times(master, 1, raising("23514"))  # a rule of a table
    assert ledger.post(submitted(transaction(1))) == [POSTING_FAILED]
    assert vars(caplog.records[-1])["reason"] == "made to fail (23514)"
    assert ledger.post(submitted(transaction(1))) == ["posted"]
    assert len(connections) == 2


REVOKED = "REVOKE EXECUTE ON FUNCTION ledger.post_transactions_v3 FROM PUBLIC, ledger_processor"
RENAMED = "ALTER FUNCTION ledger.post_transactions_v3 RENAME TO moved_away"
GRANTED = "GRANT EXECUTE ON FUNCTION ledger.post_transactions_v3 TO ledger_processor"
NAMED = "ALTER FUNCTION ledger.moved_away RENAME TO post_transactions_v3"


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
