"""The schema's rights, as an administrator of Aurora leaves them: it is no superuser."""

from collections.abc import Iterator

import pytest
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lambda_src.schema_migrator.migrations import Migration, read_migrations
from lambda_src.schema_migrator.migrator import migrate
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import ASSET_ROOT, connect_to_writer
from lambda_src.transaction_processor.posting import SqlLedger
from tests.lambda_src.cluster import Cluster
from tests.lambda_src.submissions import open_accounts, submitted, transaction

# The attributes that AWS documents for the master user of Aurora PostgreSQL:
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.rds_superuser.html
ATTRIBUTES = "LOGIN NOSUPERUSER INHERIT CREATEDB CREATEROLE NOREPLICATION"
ADMINISTRATOR = Credentials(username="administrator", password="a")
SERVICE = Credentials(username="ledger_service", password="s")
PROCESSOR = Credentials(username="ledger_processor", password="p")
AUDITOR = Credentials(username="ledger_auditor", password="a")
MIGRATIONS = read_migrations(ASSET_ROOT / "app_service" / "migrations")
# What a later release may do with what it finds.
NEXT = Migration(
    name="9999_next.sql",
    sql="""
    CREATE FUNCTION ledger.next() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
    GRANT CREATE ON SCHEMA ledger TO ledger_owner;
    ALTER FUNCTION ledger.next() OWNER TO ledger_owner;
    REVOKE CREATE ON SCHEMA ledger FROM ledger_owner;
    ALTER FUNCTION ledger.post_transactions(uuid[], bigint[], bigint[], bigint[], text[])
        SET work_mem = '8MB';
    """,
)


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Iterator[str]:
    """Migrated twice, as by two deployments."""
    cluster.master.run(f"CREATE ROLE administrator {ATTRIBUTES} PASSWORD 'a'")
    cluster.master.run("CREATE DATABASE administered OWNER administrator")
    for migrations in (MIGRATIONS, [*MIGRATIONS, NEXT]):
        migrate(
            connect=lambda: connect_to_writer(cluster.target("administered"), ADMINISTRATOR),
            migrations=migrations,
            logins=(SERVICE, PROCESSOR, AUDITOR),
            run_outside=cluster.run_outside("administered"),
            pause_up_to=lambda _seconds: None,
        )
    yield "administered"
    cluster.master.run("DROP DATABASE administered WITH (FORCE)")
    cluster.master.run("DROP ROLE administrator")


@pytest.fixture(params=[SERVICE, PROCESSOR, AUDITOR], ids=lambda role: role.username)
def session(
    cluster: Cluster, database: str, request: pytest.FixtureRequest
) -> Iterator[Connection]:
    connection = connect_to_writer(cluster.target(database), request.param)
    yield connection
    connection.close()


def test_service_and_processor_work_with_what_they_were_given(
    cluster: Cluster, database: str
) -> None:
    service = connect_to_writer(cluster.target(database), SERVICE)
    open_accounts(service)
    assert service.run("SELECT count(*) FROM ledger.accounts") == [[3]]
    service.close()
    ledger = SqlLedger(
        connect=lambda: connect_to_writer(cluster.target(database), PROCESSOR),
        pause_up_to=lambda _seconds: None,
    )
    assert ledger.post(submitted(transaction(1), transaction(1))) == ["posted", "replayed"]


def test_what_was_posted_goes_its_way_to_the_record_of_what_was_sent(
    cluster: Cluster, database: str
) -> None:
    """With the rights of the functions' owner, which the superusers of other tests do not need."""
    service = connect_to_writer(cluster.target(database), SERVICE)
    rows = service.run("SELECT batch_id FROM ledger.take_batches(9, 9, 30)")
    for [batch_id] in rows:
        service.run("SELECT ledger.record_refused(:id, 'no')", id=batch_id)
    batch_ids = [row[0] for row in rows]
    service.run("SELECT ledger.release_batches(CAST(:ids AS uuid[]))", ids=batch_ids)
    service.run("SELECT ledger.record_sent(CAST(:ids AS uuid[]))", ids=batch_ids)
    assert service.run("SELECT batches, set_aside FROM ledger.waiting_batches(9)") == [[0, 0]]
    service.run("SELECT ledger.empty_old_batches()")
    service.close()
    administrator = connect_to_writer(cluster.target(database), ADMINISTRATOR)
    assert administrator.run("SELECT ledger.retry_batches()") == [[0]]
    sent_again = "SELECT batches FROM ledger.send_again(CAST(:ids AS uuid[]), '{}')"
    assert administrator.run(sent_again, ids=batch_ids) == [[len(batch_ids)]]
    administrator.close()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMPORARY TABLE filling (disk text)",
        "CREATE TABLE public.mine (x int)",
        "CREATE TABLE ledger.mine (x int)",
        "CREATE SCHEMA mine",
        "SELECT ledger.next()",
        "SET ROLE ledger_owner",
        "SET ROLE administrator",
        "GRANT ledger_owner TO CURRENT_USER",
        "SELECT * FROM ledger.schema_migrations",
        "DELETE FROM ledger.outbox",
        "DELETE FROM ledger.outbox_v2",
        "DELETE FROM ledger.unsent_batches",
        "DELETE FROM ledger.sent_batches",
        "TRUNCATE ledger.sent_batches_0",
        "SELECT ledger.retry_batches()",
        "SELECT * FROM ledger.send_again('{}', '{}')",
        "BEGIN; LOCK TABLE ledger.schema_migrations IN ACCESS SHARE MODE",
        "ALTER ROLE ledger_owner LOGIN",
    ],
)
def test_what_no_role_but_the_administrator_may_do(session: Connection, statement: str) -> None:
    with pytest.raises(DatabaseError, match=r"permission denied|must (be|have)"):
        session.run(statement)


def test_the_owner_of_the_posting_function_cannot_log_in(cluster: Cluster, database: str) -> None:
    rows = cluster.master.run(
        "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles"
        " WHERE rolname = 'ledger_owner'"
    )
    assert rows == [[False] * 5]
