"""Settings that every connection brings along, whatever is stored for its role or database.

PostgreSQL cannot forbid a role to store defaults for its own later sessions (`ALTER ROLE
CURRENT_USER SET ...`): after `default_transaction_read_only = on` nothing would be posted any more.
What a connection brings along has precedence over what is stored.

Standard library only: functions bundle it.
"""

# A client that hangs or vanishes must not keep the locks of a busy account. The migrator also
# stores these for the roles, for clients that bring no settings along.
ROLE_DEFAULTS = {
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "5",
}

_PINNED = ROLE_DEFAULTS | {
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "synchronous_commit": "on",  # what was answered must survive a crash of the server
    "lock_timeout": "0",  # statement_timeout limits the wait for locks, too
    "idle_session_timeout": "0",
    "search_path": "public, pg_temp",  # temporary tables hide no others
    "local_preload_libraries": "",
    "row_security": "on",
    "jit": "off",  # compiling takes longer than any of these statements
    # How texts and values are read and written:
    "array_nulls": "on",
    "bytea_output": "hex",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "standard_conforming_strings": "on",
    "TimeZone": "UTC",
}


def session_settings(*, statement_timeout_seconds: float) -> dict[str, str]:
    """For the start of a connection."""
    return _PINNED | {"statement_timeout": f"{round(statement_timeout_seconds * 1000)}ms"}
