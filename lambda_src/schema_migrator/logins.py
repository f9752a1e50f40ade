"""Enables a role of the migrations to log in with the password of its secret."""

import re
from base64 import b64encode

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection
from scramp import ScramException, ScramMechanism  # type: ignore[import-untyped]

from lambda_src.shared.credentials import Credentials
from lambda_src.shared.database import explain

_PLAIN_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class LoginRefused(Exception):
    """The role cannot log in with these credentials; the message names it."""


def enable_login(connection: Connection, credentials: Credentials) -> None:
    """Set the password of the role. Safe to repeat; open sessions stay open.

    Sends the SCRAM verifier, never the password: the server writes statements to its log, which is
    exported. Raises LoginRefused.
    """
    role = credentials.username
    if not _PLAIN_IDENTIFIER.fullmatch(role):
        raise LoginRefused(f"role {role!r}: lower-case letters, digits and _ only, at most 63")
    try:
        verifier = _scram_verifier(credentials.password)
    except ScramException as error:
        raise LoginRefused(f"role {role}: SCRAM does not accept its password: {error}") from error
    # ALTER ROLE takes no parameters: the server quotes the values for its text.
    [[statement]] = connection.run(
        "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L',"
        " CAST(:role AS text), CAST(:verifier AS text))",
        role=role,
        verifier=verifier,
    )
    try:
        connection.run(statement)
    except DatabaseError as error:
        raise LoginRefused(f"role {role}: {explain(error)}") from error


def _scram_verifier(password: str) -> str:
    """As PostgreSQL stores it: `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`."""
    mechanism = ScramMechanism("SCRAM-SHA-256")
    salt, stored_key, server_key, iterations = mechanism.make_auth_info(password)
    salt64, stored64, server64 = (b64encode(b).decode() for b in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"
