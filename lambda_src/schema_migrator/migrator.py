"""The migrations of one deployment: first the schema, then the logins of its roles."""

from collections.abc import Callable, Sequence
from typing import Any

from pg8000.native import Connection

from lambda_src.schema_migrator.known_fields import check_fields, record_fields
from lambda_src.schema_migrator.lock import locked
from lambda_src.schema_migrator.logins import enable_login
from lambda_src.schema_migrator.migrations import Migration, apply_migrations
from lambda_src.schema_migrator.outside_transactions import RunOutside
from lambda_src.schema_migrator.role_settings import restore_settings
from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import CredentialsRefused, DatabaseUnavailable, close_quietly

_CONNECT_ATTEMPTS = 20
_PAUSE_SECONDS = 5.0


def migrate(
    *,
    connect: Callable[[], Connection],
    migrations: Sequence[Migration],
    logins: Sequence[Credentials],
    run_outside: RunOutside,
    pause_up_to: Callable[[float], None],
) -> dict[str, Any]:
    """Apply `migrations`, then enable each of `logins`, without what it has set for itself.

    Safe to repeat. Refuses a release that accepts a field which the one before does not know.

    Returns what was applied and enabled. Any error must stop the deployment.
    """
    connection = _connect_with_retries(connect, pause_up_to)
    try:
        check_fields(connection)
        applied = apply_migrations(connection, migrations, run_outside=run_outside)
        with locked(connection):
            record_fields(connection)
            for credentials in logins:
                enable_login(connection, credentials)
                restore_settings(connection, credentials.username)
    finally:
        close_quietly(connection)
    return {"applied": applied, "logins": [credentials.username for credentials in logins]}


def _connect_with_retries(
    connect: Callable[[], Connection], pause_up_to: Callable[[float], None]
) -> Connection:
    """A new cluster may not answer yet."""
    for _ in range(_CONNECT_ATTEMPTS - 1):
        try:
            return connect()
        except CredentialsRefused:
            raise
        except DatabaseUnavailable:
            pause_up_to(_PAUSE_SECONDS)
    return connect()
