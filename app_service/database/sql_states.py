"""SQL states whose cause is not the content of a call. Standard library only."""

# The call lost a race with another one and wrote nothing: serialization failure, deadlock, and one
# id used by two calls at once. The next attempt usually succeeds.
LOST_RACE = frozenset({"40001", "40P01", "23505"})

# The database cannot serve calls now: connection, failover, idle session closed, login, resources,
# shutdown or timeout, disk. The call may or may not have happened.
_UNAVAILABLE = ("08", "25006", "25P03", "28", "53", "57", "58")

# The database is not as the program needs it, and no content of a call can cause this: every value
# is a parameter. The classes (https://www.postgresql.org/docs/15/errcodes-appendix.html):
_WRONG_SETUP = (
    "0A",  # a feature that is not supported; also a plan that a migration made invalid
    "0L",  # a wrong grantor
    "0P",  # a wrong role
    "25",  # the state of the transaction
    "26",  # the name of a prepared statement
    "3D",  # no such database
    "3F",  # no such schema
    "42",  # a missing right, function, table or column
    "55",  # an object that is not ready, except for a lock
    "F0",  # the configuration file
    "XX001",  # damaged data
    "XX002",  # a damaged index
)
LOCK_NOT_AVAILABLE = "55P03"


def is_unavailable(state: str) -> bool:
    return state.startswith(_UNAVAILABLE)


def is_wrong_setup(state: str) -> bool:
    """A person must repair the database, such as a grant. Until then no call can succeed, or none
    of its kind."""
    is_passing = state == LOCK_NOT_AVAILABLE or is_unavailable(state)
    return state.startswith(_WRONG_SETUP) and not is_passing
