"""A new field of a transaction takes two releases: the first one carries it, the second accepts it.

During a rolling deployment tasks and processors of the release before run beside the new ones. A
field that they do not know is refused by them: a task answers 400, and the processor moves the
message to the dead letters. Therefore the database remembers the fields of the deployed release.
"""

from collections.abc import Set

from pg8000.native import Connection

from app_service.ledger.transaction import CARRIED, COLUMNS

KNOWN = frozenset(COLUMNS)
ACCEPTED = KNOWN - CARRIED

_CREATE = "CREATE TABLE IF NOT EXISTS ledger.known_fields (field text PRIMARY KEY)"


class FieldNotCarried(Exception):
    """This release accepts a field that the deployed release does not know."""


def check_fields(connection: Connection, *, accepted: Set[str] = ACCEPTED) -> None:
    """Call before the first change of the database.

    Raises FieldNotCarried. Refuses nothing if no release has recorded its fields yet: the ledger is
    new, or the release before is older than this check.
    """
    known = _known_to_the_deployed_release(connection)
    unknown = sorted(accepted - known) if known else []
    if unknown:
        raise FieldNotCarried(
            f"{', '.join(unknown)}: the deployed release does not know this field of a "
            "transaction, and its tasks would refuse it during the deployment. First deploy a "
            "release that lists it in CARRIED (app_service/ledger/transaction.py): see "
            "docs/adding-a-field.md"
        )


def record_fields(connection: Connection, *, known: Set[str] = KNOWN) -> None:
    """Remember the fields of this release instead of those of the one before: after a rollback the
    deployed release knows fewer. Call in a transaction, when the migrations are applied."""
    connection.run(_CREATE)
    connection.run("DELETE FROM ledger.known_fields")
    connection.run(
        "INSERT INTO ledger.known_fields (field) SELECT unnest(CAST(:known AS text[]))",
        known=sorted(known),
    )


def _known_to_the_deployed_release(connection: Connection) -> frozenset[str]:
    [[table]] = connection.run("SELECT to_regclass('ledger.known_fields')::text")
    if table is None:
        return frozenset()
    return frozenset(field for (field,) in connection.run("SELECT field FROM ledger.known_fields"))
