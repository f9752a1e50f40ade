"""Database permissions, tried as each role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from app_service.database.database import Pool
from app_service.posting.posting import post_transactions
from tests.app_service.build import LOCK_WAIT_MS, open_accounts, post, submitted, transaction
from tests.app_service.conftest import LedgerDatabase, migrate

WRITES_MONEY = [
    "UPDATE ledger.accounts SET balance_minor = 1",
    "UPDATE ledger.accounts SET version = 1",
    "UPDATE ledger.accounts SET may_go_negative = true",
    "DELETE FROM ledger.accounts",
    "TRUNCATE ledger.accounts",
    "INSERT INTO ledger.accounts (account_id, currency, balance_minor) VALUES (9, 'USD', 100)",
    "INSERT INTO ledger.accounts (account_id, currency, version) VALUES (9, 'USD', 7)",
    "INSERT INTO ledger.transactions VALUES (gen_random_uuid(), 1, 2, 5, 'USD', 9, 9)",
    "UPDATE ledger.transactions SET amount_minor = 1",
    "DELETE FROM ledger.transactions",
    "TRUNCATE ledger.transactions",
    "INSERT INTO ledger.entries VALUES (1, 9, gen_random_uuid(), 5, 5)",
    "UPDATE ledger.entries SET amount_minor = 1",
    "DELETE FROM ledger.entries",
    "TRUNCATE ledger.entries",
    "INSERT INTO ledger.outbox (transaction_ids) VALUES ('{}')",
    "SELECT * FROM ledger.outbox",
    "SELECT * FROM ledger.outbox FOR UPDATE SKIP LOCKED",
    "DELETE FROM ledger.outbox",
    "SELECT * FROM ledger.outbox_v2",
    "DELETE FROM ledger.unsent_batches",
    "UPDATE ledger.unsent_batches SET transaction_ids = '{}'",
    "UPDATE ledger.unsent_batches SET due_at = 'infinity'",
    "INSERT INTO ledger.unsent_batches (transaction_ids, posted_at, sealed_at, due_at)"
    " VALUES ('{}', now(), now(), now())",
    "TRUNCATE ledger.unsent_batches",
    "DELETE FROM ledger.sent_batches",
    "UPDATE ledger.sent_batches SET transaction_ids = '{}'",
    "INSERT INTO ledger.sent_batches VALUES (0, gen_random_uuid(), '{}', now(), now(), now())",
    "TRUNCATE ledger.sent_batches",
    "TRUNCATE ledger.sent_batches_0",
    "SELECT ledger.retry_batches()",
    "SELECT * FROM ledger.send_again('{}', '{}')",
    "UPDATE ledger.audit_chain SET batch_hash = ''",
    "DELETE FROM ledger.audit_chain",
    "DELETE FROM ledger.outbox_v2",
    "INSERT INTO ledger.outbox_v2 (transaction_ids, bytes_max, created_at) VALUES ('{}', 1, now())",
    "UPDATE ledger.accounts SET state = 'closed'",
    "UPDATE ledger.accounts SET owner = 'me'",
    "UPDATE ledger.accounts SET held_minor = 0",
    "UPDATE ledger.holds SET state = 'voided'",
    "INSERT INTO ledger.account_changes (account_id, state, client_id, user_id)"
    " VALUES (1, 'open', 'me', 'me')",
    "UPDATE ledger.outbox SET transaction_ids = '{}'",
    "UPDATE ledger.outbox SET batch_id = gen_random_uuid()",
    "INSERT INTO ledger.outbox (outbox_id, transaction_ids) OVERRIDING SYSTEM VALUE"
    " VALUES (1, '{}')",
    "MERGE INTO ledger.outbox USING (SELECT 1) one ON true WHEN MATCHED THEN"
    " UPDATE SET transaction_ids = '{}'",
    "TRUNCATE ledger.outbox",
    "SELECT setval('ledger.outbox_outbox_id_seq', 1)",
    "INSERT INTO ledger.accounts (account_id, currency) VALUES (1, 'USD')"
    " ON CONFLICT (account_id) DO UPDATE SET may_go_negative = true",
    "COPY ledger.accounts (account_id, currency, balance_minor) FROM STDIN",
    "SELECT * FROM ledger.accounts FOR UPDATE",
    "SET session_replication_role = replica",
    "CREATE TABLE public.accounts (x int)",
    "SET ROLE ledger_owner",
    "ALTER FUNCTION ledger.post_transactions(uuid[], bigint[], bigint[], bigint[], text[])"
    " SECURITY INVOKER",
    "INSERT INTO ledger.currencies VALUES ('ZZZ', 2)",
    "DROP TABLE ledger.entries",
    "ALTER TABLE ledger.entries DISABLE TRIGGER append_only",
    "CREATE TABLE ledger.mine (x int)",
    "CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RETURN NEW; END'",
]
REFUSED_TO_PROCESSOR = [
    "SELECT * FROM ledger.accounts",
    "SELECT * FROM ledger.transactions",
    "SELECT * FROM ledger.entries",
    "SELECT * FROM ledger.unsent_batches",
    "SELECT * FROM ledger.sent_batches",
    "SELECT * FROM ledger.take_batches(1, 1, 1)",
    "SELECT ledger.record_sent('{}')",
    "SELECT ledger.record_refused(gen_random_uuid(), 'no')",
    "SELECT ledger.release_batches('{}')",
    "SELECT ledger.empty_old_batches()",
    "SELECT * FROM ledger.lock_events(1, 1)",
    "SELECT ledger.delete_events('{1}')",
    "SELECT ledger.change_account_state(1, 'frozen', 'me', 'me')",
    "INSERT INTO ledger.accounts (account_id, currency) VALUES (9, 'USD')",
]
ALLOWED_TO_SERVICE = [
    "INSERT INTO ledger.accounts (account_id, currency, may_go_negative) VALUES (9, 'USD', true)"
    " ON CONFLICT (account_id) DO NOTHING",
    "SELECT * FROM ledger.accounts",
    "SELECT * FROM ledger.entries JOIN ledger.transactions USING (transaction_id)",
    "SELECT * FROM ledger.take_batches(1, 1, 1)",
    "SELECT ledger.record_sent('{}')",
    "SELECT ledger.record_refused(gen_random_uuid(), 'no')",
    "SELECT ledger.release_batches('{}')",
    "SELECT * FROM ledger.waiting_batches(1)",
    "SELECT ledger.empty_old_batches()",
]


# Tables that later migrations create, too.
_TABLES = "FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p', 'v')"
_HAS_A_RIGHT = """
    (has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
     OR has_any_column_privilege(oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
"""
_MAY_POST_ONLY = [
    "DELETE FROM ledger.accounts",
    "UPDATE ledger.accounts SET currency = 'EUR'",
    "UPDATE ledger.accounts SET may_go_negative = true",
    "INSERT INTO ledger.accounts (account_id, currency) VALUES (9, 'USD')",
    "UPDATE ledger.transactions SET amount_minor = 1",
    "DELETE FROM ledger.transactions",
    "TRUNCATE ledger.transactions",
    "UPDATE ledger.entries SET amount_minor = 1",
    "DELETE FROM ledger.entries",
    "UPDATE ledger.outbox SET transaction_ids = '{}'",
    "UPDATE ledger.outbox_v2 SET transaction_ids = '{}'",
    "UPDATE ledger.unsent_batches SET transaction_ids = '{}'",
    "UPDATE ledger.sent_batches SET transaction_ids = '{}'",
    "DELETE FROM ledger.sent_batches",
    "DELETE FROM ledger.sent_batches_0",
    "UPDATE ledger.accounts SET owner = 'me'",
    "DELETE FROM ledger.holds",
    "UPDATE ledger.holds SET amount_minor = 1",
    "UPDATE ledger.account_changes SET client_id = 'me'",
    "ALTER TABLE ledger.entries DISABLE TRIGGER append_only",
    "DROP TABLE ledger.entries",
    "CREATE TABLE ledger.mine (x int)",
    "SET session_replication_role = replica",
]


@asynccontextmanager
async def acting_as(database: LedgerDatabase, role: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute(f"SET SESSION AUTHORIZATION {role}")
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("role", ["ledger_service", "ledger_processor"])
async def test_no_role_writes_money_except_through_the_function(
    ledger_database: LedgerDatabase, ledger_pool: Pool, role: str
) -> None:
    """S32: direct writes to accounts, transactions, entries and outbox are refused."""
    await open_accounts(ledger_pool, 1, 2)
    await post(ledger_pool, transaction())
    before = await _contents(ledger_pool)
    async with acting_as(ledger_database, role) as connection:
        for statement in WRITES_MONEY:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    assert await _contents(ledger_pool) == before


async def test_the_service_may_post_open_accounts_read_and_relay(
    ledger_database: LedgerDatabase, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    async with acting_as(ledger_database, "ledger_service") as connection:
        assert await post_transactions(
            connection, submitted(transaction()), lock_wait_ms=LOCK_WAIT_MS
        ) == ["posted"]
        for statement in ALLOWED_TO_SERVICE:
            await connection.execute(statement)


async def test_the_processor_may_post_and_has_no_right_to_any_table(
    ledger_database: LedgerDatabase, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    async with acting_as(ledger_database, "ledger_processor") as connection:
        assert await post_transactions(
            connection, submitted(transaction()), lock_wait_ms=LOCK_WAIT_MS
        ) == ["posted"]
        for statement in REFUSED_TO_PROCESSOR:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        assert await connection.fetch(f"SELECT oid::regclass {_TABLES} AND {_HAS_A_RIGHT}") == []


async def test_the_auditor_reads_the_trail_and_has_no_other_right(
    ledger_database: LedgerDatabase, ledger_pool: Pool
) -> None:
    async with acting_as(ledger_database, "ledger_auditor") as connection:
        for statement in WRITES_MONEY:
            if not statement.startswith("SELECT * FROM ledger.outbox") or "UPDATE" in statement:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        writable = _HAS_A_RIGHT.replace("SELECT, ", "")
        assert await connection.fetch(f"SELECT oid::regclass {_TABLES} AND {writable}") == []
        functions = await connection.fetch(
            "SELECT oid::regproc::text AS name FROM pg_proc WHERE"
            " pronamespace = 'ledger'::regnamespace AND has_function_privilege(oid, 'EXECUTE')"
            " AND prorettype <> 'trigger'::regtype"
        )
        # They only read what the auditor may read itself.
        assert {row["name"] for row in functions} == {
            "ledger.audit_records",
            "ledger.text_hash",
            "ledger.trace_text",
        }


async def test_the_posting_function_has_the_rights_to_post_and_no_others(
    ledger_database: LedgerDatabase, ledger_pool: Pool
) -> None:
    """A fault in it is not the power of the migrator, who owns the tables."""
    await open_accounts(ledger_pool, 1, 2)
    await post(ledger_pool, transaction())
    before = await _contents(ledger_pool)
    async with acting_as(ledger_database, "ledger_owner") as connection:
        for statement in _MAY_POST_ONLY:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    assert await _contents(ledger_pool) == before


async def test_no_function_runs_with_the_rights_of_another_role(ledger_pool: Pool) -> None:
    found = await ledger_pool.fetch(
        "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace"
        " AND prosecdef AND proowner <> 'ledger_owner'::regrole"
    )
    assert found == []


@pytest.mark.parametrize("become_creator", ["SET ROLE ledger_owner", "RESET ROLE"])
async def test_a_new_function_is_executable_for_nobody_else(
    ledger_database: LedgerDatabase, ledger_pool: Pool, become_creator: str
) -> None:
    async with ledger_pool.acquire() as connection:
        await connection.execute(
            f"GRANT CREATE ON SCHEMA ledger TO ledger_owner; {become_creator};"
            " CREATE FUNCTION ledger.new() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE"
        )
    for role in ("ledger_service", "ledger_processor", "ledger_auditor"):
        async with acting_as(ledger_database, role) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("SELECT ledger.new()")


@pytest.mark.parametrize(
    "role", ["ledger_service", "ledger_processor", "ledger_auditor", "ledger_owner"]
)
async def test_no_role_can_lock_a_table_against_readers_or_other_writers(
    ledger_database: LedgerDatabase, ledger_pool: Pool, role: str
) -> None:
    tables = [row[0] for row in await ledger_pool.fetch(f"SELECT oid::regclass::text {_TABLES}")]
    if role == "ledger_owner":  # its functions delete what was sealed or sent; nobody logs in as it
        emptied = ("ledger.outbox", "ledger.unsent_batches", "ledger.sent_batches_")
        tables = [table for table in tables if not table.startswith(emptied)]
    async with acting_as(ledger_database, role) as connection:
        for table in tables:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"BEGIN; LOCK TABLE {table} IN SHARE MODE")
            await connection.execute("ROLLBACK")


async def test_nothing_posted_leaves_the_outbox_without_a_record(
    ledger_database: LedgerDatabase, ledger_pool: Pool
) -> None:
    """Whatever the service calls: each transaction waits, is sealed, or is recorded as sent."""
    await open_accounts(ledger_pool, 1, 2)
    calls = [
        "SELECT ledger.delete_events((SELECT array_agg(outbox_id) FROM ledger.lock_events(9, 9)))",
        "SELECT count(*) FROM ledger.take_batches(9, 9, 0)",
        "SELECT ledger.record_refused(batch_id, 'no') FROM ledger.take_batches(9, 9, 0)",
        "SELECT ledger.release_batches(array_agg(batch_id)) FROM ledger.take_batches(9, 9, 0)",
        "SELECT ledger.record_sent(array_agg(batch_id)) FROM ledger.take_batches(9, 9, 0)",
        "SELECT ledger.empty_old_batches()",
    ]
    posted = set()
    async with acting_as(ledger_database, "ledger_service") as connection:
        for call in calls:
            new = transaction()
            await post(ledger_pool, new)
            posted.add(new.transaction_id)
            await connection.execute(call)
            recorded = await ledger_pool.fetch(
                "SELECT unnest(transaction_ids) FROM ledger.outbox_v2 UNION ALL"
                " SELECT unnest(transaction_ids) FROM ledger.unsent_batches UNION ALL"
                " SELECT unnest(transaction_ids) FROM ledger.sent_batches"
            )
            assert sorted(row[0] for row in recorded) == sorted(posted), call


CHANGES_OF_ROWS = [
    "UPDATE ledger.transactions SET amount_minor = 1",
    "DELETE FROM ledger.transactions",
    "TRUNCATE ledger.transactions",
    "UPDATE ledger.entries SET amount_minor = 1",
    "DELETE FROM ledger.entries",
    "TRUNCATE ledger.entries",
    "UPDATE ledger.accounts SET currency = 'EUR'",
    "UPDATE ledger.accounts SET may_go_negative = true",
    "DELETE FROM ledger.accounts",
    "TRUNCATE ledger.accounts",
    "TRUNCATE ledger.outbox",
    "UPDATE ledger.outbox SET created_at = now()",
    "TRUNCATE ledger.unsent_batches",
    "UPDATE ledger.unsent_batches SET transaction_ids = '{}'",
    "UPDATE ledger.sent_batches SET transaction_ids = '{}'",
    "DELETE FROM ledger.sent_batches",
    "DELETE FROM ledger.sent_batches_0",
    "TRUNCATE ledger.sent_batches",
]


async def test_rows_are_append_only_even_for_the_owner(ledger_pool: Pool) -> None:
    for statement in CHANGES_OF_ROWS:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="append-only"):
            await ledger_pool.execute(statement)


async def test_accounts_that_the_api_refuses_are_refused_by_the_table_too(
    ledger_pool: Pool,
) -> None:
    for values in ("0, 'USD'", "9007199254740992, 'USD'", "1, 'usd'", "1, 'USDX'", "1, ''"):
        with pytest.raises(asyncpg.CheckViolationError):
            await ledger_pool.execute(
                f"INSERT INTO ledger.accounts (account_id, currency) VALUES ({values})"
            )


async def test_other_roles_may_not_even_read(
    ledger_database: LedgerDatabase, ledger_pool: Pool
) -> None:
    await ledger_pool.execute("CREATE ROLE unrelated_role")
    try:
        async with acting_as(ledger_database, "unrelated_role") as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("SELECT * FROM ledger.accounts")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await post_transactions(connection, submitted(transaction()), lock_wait_ms=1)
    finally:
        await ledger_pool.execute("DROP ROLE unrelated_role")


async def test_a_second_database_of_the_cluster_can_be_migrated(
    ledger_database: LedgerDatabase, ledger_pool: Pool
) -> None:
    """Roles belong to the cluster and exist already; the migrator has created the schema."""
    await ledger_pool.execute("CREATE DATABASE second_ledger")
    dsn = ledger_database.dsn.removesuffix(ledger_database.name) + "second_ledger"
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE SCHEMA ledger; CREATE TABLE ledger.schema_migrations (n int)")
    await connection.close()
    try:
        await migrate(dsn)
    finally:
        await ledger_pool.execute("DROP DATABASE second_ledger WITH (FORCE)")


async def test_the_database_has_timeouts_for_clients_that_hang(ledger_pool: Pool) -> None:
    rows = await ledger_pool.fetch(
        "SELECT rolname, setconfig FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole"
    )
    settings = {row["rolname"]: set(row["setconfig"]) for row in rows}
    for role in ("ledger_service", "ledger_processor", "ledger_auditor"):
        assert {"statement_timeout=5s", "idle_in_transaction_session_timeout=15s"} <= settings[role]


_WRITTEN = (
    *("accounts", "transactions", "entries"),
    *("outbox", "outbox_v2", "unsent_batches", "sent_batches"),
)


async def _contents(pool: Pool) -> list[list[asyncpg.Record]]:
    return [await pool.fetch(f"SELECT * FROM ledger.{table} t ORDER BY t") for table in _WRITTEN]
