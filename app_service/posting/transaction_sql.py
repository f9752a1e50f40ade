"""SQL that follows the fields of a transaction, for every driver. Standard library only."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from app_service.ledger.actor import Actor, Role
from app_service.ledger.fields import Rule, rules_of
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction

# The posting function of this version and the type of its rows; the ones of the version before stay
# beside them (docs/adding-a-field.md).
POSTING_FUNCTION = "ledger.post_transactions_v3"
ROW_TYPE = "ledger.submitted_v2"
_POST = (
    f"SELECT status FROM {POSTING_FUNCTION}(ARRAY("  # nosec B608 # parts, no values
    f"SELECT ROW(%s)::{ROW_TYPE} FROM unnest(%s) WITH ORDINALITY AS u(%s, place) ORDER BY u.place"
    "), %s, %s) ORDER BY ordinal"
)
_OF_ACTORS: dict[str, tuple[str, Callable[[Actor], object]]] = {
    "client_id": ("text", attrgetter("client_id")),
    "user_id": ("text", attrgetter("user_id")),
    "path": ("text", lambda actor: str(actor.path)),
    "is_operator": ("boolean", lambda actor: actor.role == Role.OPERATOR),
}


def _getter(name: str, rule: Rule) -> Callable[[Submission], Any]:
    get = attrgetter(f"transaction.{name}")
    to_sql = rule.to_sql
    if to_sql is None:
        return get
    return lambda submission: None if (found := get(submission)) is None else to_sql(found)


def _actor_getter(get: Callable[[Actor], object]) -> Callable[[Submission], Any]:
    return lambda submission: get(submission.actor)


_RULES = rules_of(Transaction)
_SQL_TYPES = {name: rule.sql_type for name, rule in _RULES.items()} | {
    name: sql_type for name, (sql_type, _) in _OF_ACTORS.items()
}
_GETTERS = {name: _getter(name, rule) for name, rule in _RULES.items()} | {
    name: _actor_getter(get) for name, (_, get) in _OF_ACTORS.items()
}
# The attributes of the row type, in its order.
ATTRIBUTES = tuple(_SQL_TYPES)


def post_sql(arrays: Iterable[str], *, lock_wait_ms: str, origin_ids: str) -> str:
    """The call that posts. `arrays` are the driver's placeholders by attribute; the others are
    some, too: how long the call may wait for an account that another call has locked, and the
    origins, which are no content of a transaction."""
    pairs = zip(arrays, _SQL_TYPES.values(), strict=True)
    return _POST % (
        ", ".join(f"u.{name}" for name in ATTRIBUTES),
        ", ".join(f"CAST({array} AS {kind}[])" for array, kind in pairs),
        ", ".join(ATTRIBUTES),
        f"CAST({lock_wait_ms} AS integer)",
        f"CAST({origin_ids} AS uuid[])",
    )


def arrays_of(submissions: Sequence[Submission]) -> dict[str, list[Any]]:
    """The parameters of the call by attribute: one array each, in the order of the submissions."""
    return {name: list(map(get, submissions)) for name, get in _GETTERS.items()}


def origins_of(submissions: Sequence[Submission]) -> list[str | None]:
    return [submission.origin_id for submission in submissions]
