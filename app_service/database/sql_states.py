"""SQL states after which a call may be repeated. Standard library only."""

# The call lost a race with another one and wrote nothing: serialization failure, deadlock, and one
# id used by two calls at once. The next attempt usually succeeds.
LOST_RACE = frozenset({"40001", "40P01", "23505"})

# The database cannot serve calls now: connection, failover, idle session closed, login, resources,
# shutdown or timeout, disk. The call may or may not have happened.
_UNAVAILABLE = ("08", "25006", "25P03", "28", "53", "57", "58")


def is_unavailable(state: str) -> bool:
    return state.startswith(_UNAVAILABLE)
