"""The task of one deployment: wait for the database, migrate the schema, enable the logins."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from pg8000.exceptions import InterfaceError
from pg8000.native import Connection

from lambda_src.schema_migrator import migrator
from lambda_src.schema_migrator.logins import LoginRefused
from lambda_src.schema_migrator.migrations import Migration
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import CredentialsRefused, DatabaseUnavailable, connect_to_writer
from tests.lambda_src.cluster import MASTER, Cluster, nothing_outside

migrate = partial(migrator.migrate, run_outside=nothing_outside)
ROLE = Migration(name="0001_role.sql", sql="DROP ROLE IF EXISTS teller; CREATE ROLE teller NOLOGIN")
TELLER = Credentials(username="teller", password="secret")


@pytest.fixture
def opened(cluster: Cluster, empty_database: str) -> Iterator[list[Connection]]:
    yield []
    cluster.master.run("DROP ROLE IF EXISTS teller")


@pytest.fixture
def connect(
    cluster: Cluster, empty_database: str, opened: list[Connection]
) -> Callable[[], Connection]:
    def open_one() -> Connection:
        opened.append(connect_to_writer(cluster.target(empty_database), MASTER))
        return opened[-1]

    return open_one


def no_pause(_seconds: float) -> None:
    raise AssertionError("nothing to wait for")


def test_the_schema_comes_before_the_logins_that_need_it(
    cluster: Cluster, connect: Callable[[], Connection]
) -> None:
    result = migrate(connect=connect, migrations=[ROLE], logins=[TELLER], pause_up_to=no_pause)
    assert result == {"applied": ["0001_role.sql"], "logins": ["teller"]}
    connect_to_writer(cluster.target(), TELLER).close()


def test_doing_it_again_changes_nothing(connect: Callable[[], Connection]) -> None:
    migrate(connect=connect, migrations=[ROLE], logins=[TELLER], pause_up_to=no_pause)
    result = migrate(connect=connect, migrations=[ROLE], logins=[TELLER], pause_up_to=no_pause)
    assert result == {"applied": [], "logins": ["teller"]}


def test_a_deployment_deletes_what_a_role_has_set_for_itself(
    cluster: Cluster, connect: Callable[[], Connection]
) -> None:
    migrate(connect=connect, migrations=[ROLE], logins=[TELLER], pause_up_to=no_pause)
    session = connect_to_writer(cluster.target(), TELLER)
    session.run("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on")
    session.run("ALTER ROLE CURRENT_USER PASSWORD 'of my own'")
    session.close()
    migrate(connect=connect, migrations=[ROLE], logins=[TELLER], pause_up_to=no_pause)
    connect_to_writer(cluster.target(), TELLER).close()
    settings = "SELECT array_to_string(rolconfig, ' ') FROM pg_roles WHERE rolname = 'teller'"
    assert "read_only" not in str(cluster.master.run(settings))


@pytest.mark.parametrize("logins", [[], [Credentials(username="nobody_yet", password="x")]])
def test_the_session_is_closed_and_with_it_the_lock(
    connect: Callable[[], Connection], opened: list[Connection], logins: list[Credentials]
) -> None:
    try:
        migrate(connect=connect, migrations=[ROLE], logins=logins, pause_up_to=no_pause)
    except LoginRefused:
        assert logins
    with pytest.raises(InterfaceError, match="closed"):
        opened[0].run("SELECT 1")


def test_a_database_that_does_not_answer_yet_is_waited_for(
    connect: Callable[[], Connection],
) -> None:
    pauses: list[float] = []

    def connect_at_third_try() -> Connection:
        if len(pauses) < 2:
            raise DatabaseUnavailable("not yet")
        return connect()

    result = migrate(
        connect=connect_at_third_try, migrations=[ROLE], logins=[], pause_up_to=pauses.append
    )
    assert result["applied"] == ["0001_role.sql"]


def test_retries_end() -> None:
    pauses: list[float] = []

    def never() -> Connection:
        raise DatabaseUnavailable("not yet")

    with pytest.raises(DatabaseUnavailable, match="not yet"):
        migrate(connect=never, migrations=[ROLE], logins=[], pause_up_to=pauses.append)
    assert sum(pauses) < 120


def test_refused_credentials_are_not_waited_for() -> None:
    def refuse() -> Connection:
        raise CredentialsRefused("wrong password")

    with pytest.raises(CredentialsRefused):
        migrate(connect=refuse, migrations=[ROLE], logins=[], pause_up_to=no_pause)
