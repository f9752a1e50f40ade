"""A ledger that the tests of one process use in turn."""

from pg8000.native import Connection

from lambda_src.schema_migrator.migrations import apply_migrations, read_migrations
from lambda_src.shared.database import ASSET_ROOT
from tests.lambda_src.cluster import Cluster
from tests.lambda_src.submissions import open_accounts
from tests.ledger_structure import EMPTY, STRUCTURE

_END_OTHER_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class CommonLedger:
    """The real migrations applied. Emptied for each test: a new one takes forty times as long.

    It is created again if a test has changed its structure and not restored it.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._name, self._structure = self._created()

    def emptied(self) -> str:
        """The name of a database with opened accounts and nothing else in it."""
        with self._cluster.session(self._name) as master:
            master.run(_END_OTHER_SESSIONS)
            is_as_created = _structure_of(master) == self._structure
            if is_as_created:
                _empty(master)
        if not is_as_created:
            self._name, self._structure = self._created()
        return self._name

    def _created(self) -> tuple[str, str]:
        name = self._cluster.create_database()
        with self._cluster.session(name) as master:
            migrations = read_migrations(ASSET_ROOT / "app_service" / "migrations")
            apply_migrations(master, migrations, run_outside=self._cluster.run_outside(name))
            _empty(master)
            return name, _structure_of(master)


def _empty(master: Connection) -> None:
    master.run(EMPTY)
    open_accounts(master)


def _structure_of(master: Connection) -> str:
    [[structure]] = master.run(STRUCTURE)
    return str(structure)
