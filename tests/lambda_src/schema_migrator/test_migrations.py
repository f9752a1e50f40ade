"""S32: the migrations are applied in order, each once, completely or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pg8000.native import Connection

from lambda_src.schema_migrator.migrations import (
    Migration,
    MigrationRefused,
    apply_migrations,
    read_migrations,
)
from lambda_src.shared.database import ASSET_ROOT
from tests.lambda_src.cluster import Cluster, nothing_outside

ONE = Migration(name="0001_one.sql", sql="CREATE TABLE one (n int); CREATE TABLE one_more (n int);")
TWO = Migration(name="0002_two.sql", sql="ALTER TABLE one ADD COLUMN two int;")


@pytest.fixture
def session(cluster: Cluster, empty_database: str) -> Iterator[Connection]:
    with cluster.session(empty_database) as opened:
        yield opened


def migrate(session: Connection, *migrations: Migration) -> list[str]:
    return apply_migrations(
        session, migrations, run_outside=nothing_outside, wait_for_others="50ms"
    )


def recorded(session: Connection) -> list[str]:
    rows = session.run("SELECT name FROM ledger.schema_migrations ORDER BY name")
    return [name for (name,) in rows]


def table_exists(session: Connection, name: str) -> bool:
    [[found]] = session.run("SELECT to_regclass(:name) IS NOT NULL", name=name)
    return bool(found)


def test_the_projects_own_migrations_apply_to_an_empty_database(
    cluster: Cluster, empty_database: str, session: Connection
) -> None:
    migrations = read_migrations(ASSET_ROOT / "app_service" / "migrations")
    applied = apply_migrations(session, migrations, run_outside=cluster.run_outside(empty_database))
    assert applied == [migration.name for migration in migrations]
    assert recorded(session) == applied
    assert migrate(session, *migrations) == []


def test_each_is_applied_once(session: Connection) -> None:
    assert migrate(session, ONE) == ["0001_one.sql"]
    assert migrate(session, ONE, TWO) == ["0002_two.sql"]
    assert migrate(session, ONE, TWO) == []


def test_a_failing_migration_leaves_nothing_of_itself_and_all_before_it(
    session: Connection,
) -> None:
    sql = "CREATE TABLE two (n int);\nCREATE TABLE three (n int);\nSELECT * FROM nowhere;"
    broken = Migration(name="0002_two.sql", sql=sql)
    with pytest.raises(MigrationRefused) as refused:
        migrate(session, ONE, broken)
    assert str(refused.value) == '0002_two.sql:3: relation "nowhere" does not exist (42P01)'
    assert recorded(session) == ["0001_one.sql"]
    assert not table_exists(session, "two")
    assert migrate(session, ONE, TWO) == ["0002_two.sql"]


def test_a_failure_without_a_position_names_the_file(session: Connection) -> None:
    broken = Migration(name="0001_one.sql", sql="SELECT 1 / 0")
    with pytest.raises(MigrationRefused, match=r"^0001_one\.sql: division by zero \(22012\)$"):
        migrate(session, broken)


def test_a_changed_file_is_refused_before_anything_is_applied(session: Connection) -> None:
    migrate(session, ONE)
    changed = Migration(name=ONE.name, sql=ONE.sql + " ")
    with pytest.raises(MigrationRefused, match=f"{ONE.digest} and now has {changed.digest}"):
        migrate(session, changed, TWO)
    assert recorded(session) == ["0001_one.sql"]


def test_a_new_file_before_an_applied_one_is_refused(session: Connection) -> None:
    migrate(session, TWO_ALONE)
    with pytest.raises(MigrationRefused, match=r"0001_one\.sql comes before 0002_alone\.sql"):
        migrate(session, ONE, TWO_ALONE)


TWO_ALONE = Migration(name="0002_alone.sql", sql="SELECT 1")


def test_an_older_version_accepts_a_newer_schema(session: Connection) -> None:
    migrate(session, ONE, TWO)
    assert migrate(session, ONE) == []


def test_a_file_that_commits_is_refused_and_not_recorded(session: Connection) -> None:
    committing = Migration(name="0001_one.sql", sql="CREATE TABLE one (n int); COMMIT; SELECT 1")
    with pytest.raises(MigrationRefused, match=r"0001_one\.sql ends its transaction"):
        migrate(session, committing)
    assert recorded(session) == []


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "0010_b.sql").write_text("b")
    (tmp_path / "0002_a.sql").write_bytes("ä\r\n".encode())
    (tmp_path / "README.md").write_text("not one")
    assert read_migrations(tmp_path) == [
        Migration(name="0002_a.sql", sql="ä\r\n"),
        Migration(name="0010_b.sql", sql="b"),
    ]


def test_a_folder_without_migrations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationRefused, match=r"nowhere holds no \.sql file"):
        read_migrations(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["1_a.sql", "0001-a.sql", "0001_A.sql", "a.sql"])
def test_a_file_of_another_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(MigrationRefused, match=f"{name}: the name must be like 0001"):
        read_migrations(tmp_path)
