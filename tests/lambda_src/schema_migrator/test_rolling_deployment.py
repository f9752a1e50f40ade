"""Migrations run while tasks of the version before work, and these go on until the new ones replace
them: no call fails, and each transaction is posted once and sent once."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from pg8000.native import Connection

from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from lambda_src.schema_migrator.logins import enable_login
from lambda_src.schema_migrator.migrations import Migration, apply_migrations, read_migrations
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import ASSET_ROOT, connect_to_writer
from tests.app_service import build
from tests.lambda_src.cluster import Cluster
from tests.lambda_src.schema_migrator.ledger_before import LedgerBefore
from tests.lambda_src.schema_migrator.version_before import LAST_MIGRATION, VersionBefore
from tests.lambda_src.submissions import submitted

# The release that followed the version before. The one after it takes away the right with which the
# relay of that version deletes rows; its rolling deployment is in test_rolling_relays.py.
MIGRATIONS = [
    migration
    for migration in read_migrations(ASSET_ROOT / "app_service" / "migrations")
    if migration.name < "0014"
]
BEFORE = [migration for migration in MIGRATIONS if migration.name <= LAST_MIGRATION]
SERVICE = Credentials(username="ledger_service", password="s")
PROCESSOR = Credentials(username="ledger_processor", password="p")
BANK, ALICE = 1, 2


class Environment:
    """A database with the schema of the version before, and sessions of its two roles."""

    def __init__(self, cluster: Cluster, database: str, stack: ExitStack) -> None:
        self._cluster = cluster
        self._database = database
        self._stack = stack
        self.master = stack.enter_context(cluster.session(database))
        self._run_outside = cluster.run_outside(database)
        apply_migrations(self.master, BEFORE, run_outside=self._run_outside)
        for credentials in (SERVICE, PROCESSOR):
            enable_login(self.master, credentials)
        task = self.task()
        task.open_account(BANK, may_go_negative=True)
        task.open_account(ALICE)

    def session(self, credentials: Credentials) -> Connection:
        opened = connect_to_writer(self._cluster.target(self._database), credentials)
        self._stack.callback(opened.close)
        return opened

    def task(self) -> VersionBefore:
        return VersionBefore(self.session(SERVICE))

    def new_ledger(self, credentials: Credentials = PROCESSOR) -> LedgerBefore:
        """Of the release that ends with 0013."""
        return LedgerBefore(self.session(credentials))

    def migrate(self, migrations: list[Migration] = MIGRATIONS) -> list[str]:
        with self._cluster.session(self._database) as session:
            return apply_migrations(session, migrations, run_outside=self._run_outside)


@pytest.fixture
def environment(cluster: Cluster, empty_database: str) -> Iterator[Environment]:
    with ExitStack() as stack:
        yield Environment(cluster, empty_database, stack)


def relay(session: Connection) -> list[UUID]:
    """As the relay of a release that ends with 0013; the ids whose messages it has sent."""
    session.run("START TRANSACTION")
    rows = session.run("SELECT outbox_id, body FROM ledger.lock_events(100, 8000000)")
    session.run("SELECT ledger.delete_events(CAST(:ids AS bigint[]))", ids=[row[0] for row in rows])
    session.run("COMMIT")
    return [UUID(t["transaction_id"]) for row in rows for t in json.loads(row[1])["transactions"]]


def test_no_call_of_either_version_fails_while_the_migrations_run(environment: Environment) -> None:
    is_over = threading.Event()
    is_migrated = threading.Event()
    acknowledged: list[UUID] = []
    sent: list[UUID] = []

    def clients_of_a_task_before(number: int) -> None:
        task = environment.task()
        while not is_over.is_set():
            ids = [uuid4() for _ in range(3)]
            assert task.post(ids, debit=BANK, credit=ALICE) == ["posted"] * 3
            acknowledged.extend(ids)
            assert task.post(ids[:1], debit=BANK, credit=ALICE) == ["replayed"]
            assert task.reads(ids[0])
            assert task.entries(BANK) > 0
            task.open_account(100 + number)
            assert task.balance(100 + number) == 0
            assert task.is_ready()

    def processor_before() -> None:
        processor = VersionBefore(environment.session(PROCESSOR))
        while not is_over.is_set():
            ids = [uuid4() for _ in range(10)]
            assert processor.post(ids, debit=BANK, credit=ALICE) == ["posted"] * 10
            acknowledged.extend(ids)

    def relay_before() -> None:
        task = environment.task()
        while not is_over.is_set():
            sent.extend(task.relay())
            task.waiting()

    def processor_of_this_version() -> None:
        is_migrated.wait()
        ledger = environment.new_ledger()
        while not is_over.is_set():
            new = [build.transaction(BANK, ALICE, 1) for _ in range(3)]
            new[0] = replace(new[0], reference="new")
            assert ledger.post(submitted(*new)) == ["posted"] * 3
            acknowledged.extend(each.transaction_id for each in new)

    def relay_of_release_0013() -> None:
        is_migrated.wait()
        session = environment.session(SERVICE)
        while not is_over.is_set():
            sent.extend(relay(session))

    works: list[Callable[[], None]] = [
        lambda: clients_of_a_task_before(1),
        lambda: clients_of_a_task_before(2),
        processor_before,
        relay_before,
        processor_of_this_version,
        relay_of_release_0013,
    ]
    with ThreadPoolExecutor(len(works)) as threads:
        running: list[Future[None]] = [threads.submit(work) for work in works]
        try:
            wait_for(lambda: len(acknowledged) > 100, running)
            migrated_after = len(acknowledged)
            environment.migrate()
            is_migrated.set()
            wait_for(lambda: len(acknowledged) > migrated_after + 200, running)
        finally:
            is_migrated.set()
            is_over.set()
        for future in running:
            future.result()

    # The version before is gone; what it has left is sent by the new relays.
    session = environment.session(SERVICE)
    while more := relay(session):
        sent.extend(more)
    assert Counter(sent) == Counter(acknowledged)
    [[total, posted]] = environment.master.run(
        "SELECT (SELECT sum(balance_minor) FROM ledger.accounts),"
        " (SELECT balance_minor FROM ledger.accounts WHERE account_id = :id)",
        id=ALICE,
    )
    assert (total, posted) == (0, len(acknowledged))


def wait_for(holds: Callable[[], bool], running: list[Future[None]]) -> None:
    while not holds():
        for future in running:
            if future.done():
                future.result()
        threading.Event().wait(0.01)


def test_what_the_version_before_has_posted_is_answered_the_same(environment: Environment) -> None:
    before = build.transaction(BANK, ALICE, 5)
    task = environment.task()
    assert task.post([before.transaction_id], debit=BANK, credit=ALICE, amount=5) == ["posted"]
    environment.migrate()

    other = replace(before, amount_minor=6)
    with_more = replace(before, reference="r")
    ledger = environment.new_ledger()
    assert ledger.post(submitted(before, other, with_more)) == ["replayed", "conflict", "conflict"]


def test_what_the_version_before_has_left_is_sent_once_by_the_new_relay(
    environment: Environment,
) -> None:
    """As a message that the audit writer of either version takes."""
    task = environment.task()
    transaction_id = uuid4()
    task.post([transaction_id], debit=BANK, credit=ALICE)
    environment.migrate()

    session = environment.session(SERVICE)
    [[body]] = session.run("SELECT body FROM ledger.lock_events(100, 8000000)")
    [record] = json.loads(body)["transactions"]
    assert record.pop("posted_at").endswith("Z")
    assert record == {
        "transaction_id": str(transaction_id),
        "kind": "transfer",
        "debit_account": BANK,
        "credit_account": ALICE,
        "amount_minor": 1,
        "currency": "USD",
    }
    assert relay(session) == [transaction_id]
    assert relay(session) == []
    assert task.relay() == []


@pytest.mark.parametrize(
    ("credentials", "path"), [(SERVICE, "api"), (PROCESSOR, "queue")], ids=["api", "queue"]
)
def test_what_a_task_of_the_version_before_posts_afterwards_says_how_it_came(
    environment: Environment, credentials: Credentials, path: str
) -> None:
    old = VersionBefore(environment.session(credentials))
    environment.migrate()
    transaction_id = uuid4()
    assert old.post([transaction_id], debit=BANK, credit=ALICE) == ["posted"]
    assert environment.master.run(
        "SELECT kind, state, path, client_id FROM ledger.transactions WHERE transaction_id = :id",
        id=transaction_id,
    ) == [["transfer", "posted", path, None]]


def test_accounts_of_the_version_before_are_debited_by_operators_only(
    environment: Environment,
) -> None:
    environment.task().open_account(3, may_go_negative=True)
    environment.migrate()
    poster = Actor(client_id="shop", user_id="u", path=Path.API, role=Role.POSTER)
    wanted = Submission(transaction=build.transaction(3, ALICE), actor=poster)
    operator = replace(poster, role=Role.OPERATOR)
    ledger = environment.new_ledger(SERVICE)
    assert ledger.post([wanted]) == ["forbidden"]
    assert ledger.post([replace(wanted, actor=operator)]) == ["posted"]


def test_a_task_of_the_version_before_gets_only_answers_that_it_knows(
    environment: Environment,
) -> None:
    environment.migrate()
    environment.master.run(
        "UPDATE ledger.accounts SET state = 'frozen' WHERE account_id = :id", id=ALICE
    )
    hold = replace(build.hold(), transaction_id=uuid4())
    new: list[Transaction] = [replace(hold, debit_account=BANK, credit_account=BANK + 4)]
    assert environment.new_ledger().post(submitted(*new)) == ["account_not_found"]

    old = environment.task()
    assert old.post([uuid4()], debit=BANK, credit=ALICE) == ["account_not_found"]
    assert old.post([hold.transaction_id], debit=BANK, credit=ALICE) == ["conflict"]
