"""Relays of the release before work beside those of this one while and after the migrations run.

They send each outbox row as a message of its own. Each transaction is sent once and recorded once.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from uuid import UUID, uuid4

from pg8000.native import Connection

from lambda_src.schema_migrator.logins import enable_login
from lambda_src.schema_migrator.migrations import apply_migrations, read_migrations
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import ASSET_ROOT, connect_to_writer
from lambda_src.transaction_processor.posting import SqlLedger
from tests.app_service import build
from tests.lambda_src.cluster import Cluster
from tests.lambda_src.schema_migrator.ledger_before import LedgerBefore
from tests.lambda_src.schema_migrator.version_before import LAST_MIGRATION, VersionBefore
from tests.lambda_src.submissions import open_accounts, submitted

MIGRATIONS = read_migrations(ASSET_ROOT / "app_service" / "migrations")
BEFORE = [migration for migration in MIGRATIONS if migration.name <= "0012_reading.sql"]
SERVICE = Credentials(username="ledger_service", password="s")


def relay_before(session: Connection) -> list[str]:
    """The SQL of commit 73ae9a4, which never changes; the messages that it has sent."""
    session.run("START TRANSACTION")
    rows = session.run(
        "SELECT outbox_id, body FROM ledger.lock_events(100, 8388608) ORDER BY outbox_id"
    )
    session.run("SELECT ledger.delete_events(CAST(:ids AS bigint[]))", ids=[row[0] for row in rows])
    session.run("COMMIT")
    session.run("SELECT batches, oldest_seconds FROM ledger.waiting_events(10000)")
    return [row[1] for row in rows]


def relay_now(session: Connection) -> list[str]:
    rows = session.run("SELECT batch_id, body FROM ledger.take_batches(5000, 8388608, 30)")
    session.run("SELECT ledger.record_sent(CAST(:ids AS uuid[]))", ids=[row[0] for row in rows])
    return [row[1] for row in rows]


def wait_for(holds: Callable[[], bool], running: list[Future[None]]) -> None:
    while not holds():
        for future in running:
            if future.done():
                future.result()
        threading.Event().wait(0.01)


def test_each_transaction_is_sent_and_recorded_once_by_relays_of_both_releases(
    cluster: Cluster, empty_database: str
) -> None:
    is_migrated, is_over = threading.Event(), threading.Event()
    acknowledged: list[UUID] = []
    posted_later: list[UUID] = []  # begun after the migration
    sent: list[str] = []
    with ExitStack() as stack:
        master = stack.enter_context(cluster.session(empty_database))
        run_outside = cluster.run_outside(empty_database)
        apply_migrations(master, BEFORE, run_outside=run_outside)
        enable_login(master, SERVICE)
        open_accounts(master)

        def session() -> Connection:
            opened = connect_to_writer(cluster.target(empty_database), SERVICE)
            stack.callback(opened.close)
            return opened

        def client() -> None:
            ledger = LedgerBefore(session())
            while not is_over.is_set():
                is_later = is_migrated.is_set()
                new = [build.transaction(1, 2, 1) for _ in range(3)]
                assert ledger.post(submitted(*new)) == ["posted"] * 3
                ids = [each.transaction_id for each in new]
                acknowledged.extend(ids)
                if is_later:
                    posted_later.extend(ids)

        def new_client() -> None:
            is_migrated.wait()
            connection = session()
            ledger = SqlLedger(connect=lambda: connection, pause_up_to=lambda _: None)
            while not is_over.is_set():
                new = build.transaction(1, 2, 1)
                assert ledger.post(submitted(new)) == ["posted"]
                acknowledged.append(new.transaction_id)
                posted_later.append(new.transaction_id)

        def old_relay() -> None:
            connection = session()
            while not is_over.is_set():
                sent.extend(relay_before(connection))

        def new_relay() -> None:
            is_migrated.wait()
            connection = session()
            while not is_over.is_set():
                sent.extend(relay_now(connection))

        works = (client, client, new_client, old_relay, old_relay, new_relay, new_relay)
        with ThreadPoolExecutor(len(works)) as threads:
            running: list[Future[None]] = [threads.submit(work) for work in works]
            try:
                wait_for(lambda: len(acknowledged) > 50, running)
                with cluster.session(empty_database) as migrator:
                    apply_migrations(migrator, MIGRATIONS, run_outside=run_outside)
                is_migrated.set()
                wait_for(lambda: len(posted_later) > 200, running)
            finally:
                is_migrated.set()
                is_over.set()
            for future in running:
                future.result()
        last = session()
        sent.extend(relay_now(last))

        messages = [json.loads(body) for body in sent]
        ids = [UUID(t["transaction_id"]) for m in messages for t in m["transactions"]]
        assert Counter(ids) == Counter(acknowledged)
        assert len({message["batch_id"] for message in messages}) == len(messages)
        recorded = master.run("SELECT batch_id, transaction_ids FROM ledger.sent_batches")
        told = {
            UUID(m["batch_id"]): [UUID(t["transaction_id"]) for t in m["transactions"]]
            for m in messages
        }
        # What was sent before the migration has no record: nothing else is missing.
        assert all(told[batch_id] == ids for batch_id, ids in recorded)
        assert {*posted_later} <= {each for _, ids in recorded for each in ids}
        assert master.run(
            "SELECT (SELECT count(*) FROM ledger.outbox_v2),"
            " (SELECT count(*) FROM ledger.unsent_batches)"
        ) == [[0, 0]]


def test_what_a_landed_relay_has_sent_and_not_deleted_is_sent_again_under_the_same_batch_id(
    cluster: Cluster, empty_database: str
) -> None:
    """It has sent a row, and the migration takes its right to delete it. The audit writer stores a
    batch_id once."""
    landed = [migration for migration in MIGRATIONS if migration.name <= LAST_MIGRATION]
    with ExitStack() as stack:
        master = stack.enter_context(cluster.session(empty_database))
        run_outside = cluster.run_outside(empty_database)
        apply_migrations(master, landed, run_outside=run_outside)
        enable_login(master, SERVICE)
        session = connect_to_writer(cluster.target(empty_database), SERVICE)
        stack.callback(session.close)
        task = VersionBefore(session)
        task.open_account(1, may_go_negative=True)
        task.open_account(2)
        for _ in range(150):
            assert task.post([uuid4()], debit=1, credit=2) == ["posted"]
        sent = session.run("SELECT batch_id, transaction_ids FROM ledger.outbox")
        apply_migrations(master, MIGRATIONS, run_outside=run_outside)
        messages = [json.loads(body) for body in relay_now(session) + relay_now(session)]
    sent_again = {
        message["batch_id"]: [each["transaction_id"] for each in message["transactions"]]
        for message in messages
    }
    assert sent_again == {str(batch): [str(each) for each in ids] for batch, ids in sent}
