"""0018 adds where a transaction came from: nothing that was there before changes."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.schema_migrator.migrations import apply_migrations, read_migrations
from lambda_src.shared.database import ASSET_ROOT
from lambda_src.transaction_processor.posting import SqlLedger
from tests.lambda_src.cluster import Cluster
from tests.lambda_src.schema_migrator.ledger_before import LedgerBefore
from tests.lambda_src.submissions import open_accounts, submitted, transaction

MIGRATIONS = read_migrations(ASSET_ROOT / "app_service" / "migrations")
BEFORE = [migration for migration in MIGRATIONS if migration.name < "0018"]
ORIGIN = "5a3f0c1e6a524f0e9c8e2f1de0b7a001"


def records(session: Connection) -> list[list[object]]:
    rows: list[list[object]] = session.run(
        "SELECT a.* FROM ledger.transactions t,"
        " LATERAL ledger.audit_records(ARRAY[t.transaction_id]) a ORDER BY t.transaction_id"
    )
    return rows


def new_ledger(session: Connection) -> SqlLedger:
    return SqlLedger(connect=lambda: session, pause_up_to=lambda _: None)


def test_records_and_hashes_from_before_are_byte_identical_and_replayed_as_before(
    cluster: Cluster, empty_database: str
) -> None:
    with ExitStack() as stack:
        session = stack.enter_context(cluster.session(empty_database))
        run_outside = cluster.run_outside(empty_database)
        apply_migrations(session, BEFORE, run_outside=run_outside)
        open_accounts(session)
        old = submitted(transaction(1), transaction(2, reference="r", metadata={"a": None}))
        assert LedgerBefore(session).post(old) == ["posted", "posted"]
        before = records(session)

        apply_migrations(session, MIGRATIONS, run_outside=run_outside)
        assert records(session) == before
        with_origin = [replace(each, origin_id=ORIGIN) for each in old]
        assert new_ledger(session).post(with_origin) == ["replayed", "replayed"]
        assert records(session) == before


def test_tasks_of_the_release_before_post_and_replay_beside_those_of_this_one(
    cluster: Cluster, ledger_database: str
) -> None:
    with cluster.session(ledger_database) as session:
        ledger, before = new_ledger(session), LedgerBefore(session)
        first, second = submitted(transaction(1), transaction(2))
        assert ledger.post([replace(first, origin_id=ORIGIN)]) == ["posted"]
        assert before.post([first, second]) == ["replayed", "posted"]
        other = [replace(first, transaction=transaction(1, amount_minor=7))]
        assert before.post(other) == ["conflict"]
        assert session.run(
            "SELECT CAST(origin_id AS text) FROM ledger.transactions ORDER BY transaction_id"
        ) == [["5a3f0c1e-6a52-4f0e-9c8e-2f1de0b7a001"], [None]]


@pytest.mark.parametrize(
    "array",
    [
        "NULL",
        "ARRAY[CAST(NULL AS ledger.submitted_v2)]",
        "CAST('[0:0]={\"(,,,,,,,,,,,,,,)\"}' AS ledger.submitted_v2[])",
    ],
)
def test_what_is_no_plain_array_is_refused_to_tasks_of_the_release_before(
    cluster: Cluster, ledger_database: str, array: str
) -> None:
    with (
        cluster.session(ledger_database) as session,
        pytest.raises(DatabaseError, match="one plain array without nulls"),
    ):
        session.run(f"SELECT ledger.post_transactions_v2({array}, 1)")
