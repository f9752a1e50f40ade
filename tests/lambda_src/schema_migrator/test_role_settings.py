"""Each deployment deletes what a role has stored for its own sessions."""

from collections.abc import Iterator

import pytest

from app_service.database.session_settings import ROLE_DEFAULTS
from lambda_src.schema_migrator.migrations import apply_migrations, read_migrations
from lambda_src.schema_migrator.role_settings import restore_settings
from lambda_src.shared.database import ASSET_ROOT
from tests.app_service.database.hostile_settings import HOSTILE_SETTINGS
from tests.lambda_src.cluster import Cluster


@pytest.fixture
def role(cluster: Cluster) -> Iterator[str]:
    cluster.master.run("CREATE ROLE cashier")
    yield "cashier"
    cluster.master.run("DROP ROLE cashier")


def stored(cluster: Cluster, role: str) -> list[tuple[str, set[str]]]:
    rows = cluster.master.run(
        "SELECT coalesce(datname, ''), setconfig FROM pg_db_role_setting"
        " LEFT JOIN pg_database d ON d.oid = setdatabase"
        " WHERE setrole = CAST(:role AS regrole)",
        role=role,
    )
    return [(database, set(settings)) for database, settings in rows]


def test_only_the_defaults_remain_in_every_database(
    cluster: Cluster, role: str, empty_database: str
) -> None:
    for name, value in HOSTILE_SETTINGS.items():
        cluster.master.run(f"ALTER ROLE {role} SET {name} = '{value}'")
        cluster.master.run(f"ALTER ROLE {role} IN DATABASE {empty_database} SET {name} = '{value}'")
    restore_settings(cluster.master, role)
    assert stored(cluster, role) == [("", {f"{n}={v}" for n, v in ROLE_DEFAULTS.items()})]


@pytest.mark.usefixtures("ledger_database")  # its migrations have created the roles
def test_the_defaults_are_those_of_the_migrations(cluster: Cluster, empty_database: str) -> None:
    """Otherwise a role's settings would depend on the number of deployments."""
    roles = ("ledger_service", "ledger_processor")
    for role in roles:
        cluster.master.run(f"ALTER ROLE {role} RESET ALL")
    with cluster.session(empty_database) as session:
        migrations = read_migrations(ASSET_ROOT / "app_service" / "migrations")
        apply_migrations(session, migrations, run_outside=cluster.run_outside(empty_database))
    for role in roles:
        assert stored(cluster, role) == [("", {f"{n}={v}" for n, v in ROLE_DEFAULTS.items()})]
