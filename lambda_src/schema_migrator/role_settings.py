"""Deletes what a role has stored for its own sessions: it may do that, and must not keep it."""

from pg8000.native import Connection, identifier

from app_service.database.session_settings import ROLE_DEFAULTS

_IN_DATABASES = """
SELECT datname
  FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole
  JOIN pg_database ON pg_database.oid = setdatabase
 WHERE rolname = :role
"""


def restore_settings(connection: Connection, role: str) -> None:
    """Leave the role with `ROLE_DEFAULTS` only, for its next sessions. Safe to repeat."""
    alter = f"ALTER ROLE {identifier(role)}"
    connection.run(f"{alter} RESET ALL")
    for (database,) in connection.run(_IN_DATABASES, role=role):
        connection.run(f"{alter} IN DATABASE {identifier(database)} RESET ALL")
    for name, value in ROLE_DEFAULTS.items():
        connection.run(f"{alter} SET {name} = '{value}'")
