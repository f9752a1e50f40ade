"""S63: roles log in with the passwords of their secrets, which are never sent to the server."""

import itertools
from collections.abc import Iterator

import pytest
from pg8000.native import identifier

from lambda_src.schema_migrator.logins import LoginRefused, enable_login
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import CredentialsRefused, connect_to_writer
from tests.lambda_src.cluster import Cluster

_numbers = itertools.count(1)


@pytest.fixture
def role(cluster: Cluster) -> Iterator[str]:
    """A role that cannot log in yet; roles belong to the whole cluster."""
    name = f"clerk_{next(_numbers)}"
    cluster.master.run(f"CREATE ROLE {identifier(name)} NOLOGIN")
    yield name
    cluster.master.run(f"DROP ROLE {identifier(name)}")


def give(cluster: Cluster, credentials: Credentials) -> None:
    enable_login(cluster.master, credentials)


@pytest.mark.parametrize("password", ["plain", 'it\'s \\ "quoted" %s %I $1 :role', "pässwörd ✓"])
def test_a_role_logs_in_with_its_password(cluster: Cluster, role: str, password: str) -> None:
    credentials = Credentials(username=role, password=password)
    give(cluster, credentials)
    session = connect_to_writer(cluster.target(), credentials)
    assert session.run("SELECT current_user") == [[role]]
    session.close()


def test_a_new_password_replaces_the_old_one(cluster: Cluster, role: str) -> None:
    old, new = (Credentials(username=role, password=p) for p in ("old", "new"))
    give(cluster, old)
    give(cluster, new)
    connect_to_writer(cluster.target(), new).close()
    with pytest.raises(CredentialsRefused):
        connect_to_writer(cluster.target(), old)


def test_the_password_itself_is_not_sent() -> None:
    statements: list[str] = []

    class Listening:
        def run(self, sql: str, **arguments: str) -> list[list[str]]:
            statements.extend([sql, *arguments.values()])
            return [["ALTER ROLE"]]

    enable_login(Listening(), Credentials(username="clerk", password="hunter2"))
    assert not any("hunter2" in text for text in statements)


@pytest.mark.parametrize("name", ["", "Clerk", "a b", 'x" SUPERUSER --', "1st", "a" * 64, "ä"])
def test_a_name_that_is_not_a_plain_identifier_is_refused(cluster: Cluster, name: str) -> None:
    with pytest.raises(LoginRefused, match="lower-case letters, digits and _ only"):
        give(cluster, Credentials(username=name, password="x"))


def test_a_password_that_no_client_could_use_is_refused(cluster: Cluster, role: str) -> None:
    with pytest.raises(LoginRefused, match=f"role {role}: SCRAM does not accept its password"):
        give(cluster, Credentials(username=role, password="\u0007"))


def test_a_role_that_no_migration_created_is_named(cluster: Cluster) -> None:
    with pytest.raises(LoginRefused, match='role nobody_yet: role "nobody_yet" does not exist'):
        give(cluster, Credentials(username="nobody_yet", password="x"))
