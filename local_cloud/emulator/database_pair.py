"""A writer and a synchronous standby in another zone; the standby takes over when the writer fails.

It fails when its process has ended, and when it lives but does not answer (`health_check.py`).

The writer acknowledges a commit after the standby has flushed it. Only a standby that *has
everything* is promoted, so no acknowledged commit is lost. The processes of the old writer are
killed before the promotion, and its data are replaced by a copy of the new writer's. See
docs/decisions/standby-takes-over.md.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local_cloud.base_backup import copy_running
from local_cloud.emulator.database_roles import DatabaseRoles
from local_cloud.emulator.health_check import HealthCheck
from local_cloud.postgres import PostgresError, PostgresServer
from local_cloud.superuser import Execute, superuser

logger = logging.getLogger(__name__)

_STREAMS_TIMEOUT_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 0.02


@dataclass(kw_only=True)
class Node:
    """One server, and the cluster's instance that it represents, if there is one."""

    server: PostgresServer
    instance_id: str = ""
    zone: str = ""
    health_check: HealthCheck = field(init=False)

    def __post_init__(self) -> None:
        self.health_check = HealthCheck(self.server)

    @property
    def serves(self) -> bool:
        return self.server.is_alive and not self.health_check.fails

    @property
    def has_failed(self) -> bool:
        """True if it was started and has died, hangs or refuses every session."""
        return self.server.has_died or self.health_check.fails

    def start(self) -> None:
        """While it started it refused sessions. Raises PostgresError."""
        self.server.start()
        self.health_check.reset()

    def fence(self) -> None:
        """End every process, also stopped ones: none acknowledges anything more."""
        self.server.fence()
        self.health_check.reset()


class DatabasePair:
    """Call both `look_after` methods and `check_health` periodically. All methods are thread-safe.

    A writer that failed is replaced by the standby if that has everything; otherwise it is
    restarted.
    """

    def __init__(self, *, first: Node, second: Node, database: str) -> None:
        self.writer = first
        self.standby = second
        self._roles = DatabaseRoles.beside(first.server.data_dir)
        self._database = database
        self._writer_waits = False  # for the standby, before it acknowledges a commit
        self._standby_has_everything = False
        self._standby_is_outdated = False  # its data may hold commits that were never acknowledged
        self._lock = threading.RLock()

    # -- CloudFormation -----------------------------------------------------------------------

    def start_writer(self) -> None:
        with self._lock:
            server = self.writer.server
            if not self._roles.file.exists():  # a server was killed while it initialized this one
                shutil.rmtree(server.data_dir, ignore_errors=True)
            server.initialize()
            self.writer.start()
            if self._database != "postgres":
                quoted = self._database.replace('"', '""')
                with superuser(server) as execute:
                    execute(f'CREATE DATABASE "{quoted}"')
            self._note_roles()

    def resume(self) -> None:
        """Start the writer from its data; `look_after_standby` then brings the standby back."""
        with self._lock:
            known = self._roles.read()
            if known.writer == self.standby.server.data_dir.name:
                self.writer, self.standby = self.standby, self.writer
            self._standby_is_outdated = known.standby_is_outdated
            self._writer_waits = True  # it may: `look_after_standby` lets it continue alone first
            self.writer.start()
            self.writer.server.promote()  # killed between the decision to promote and the promotion

    def start_standby(self) -> None:
        """The writer runs meanwhile: a stack may use it before the standby is ready."""
        with self._lock:
            self._copy_to_standby()

    def drop_standby(self) -> None:
        with self._lock:
            self.standby.instance_id = ""
            if self.writer.server.is_alive:
                self._stop_waiting_for_standby()
            self.standby.server.stop()

    def stop(self) -> None:
        """Stop both servers. No acknowledged commit is lost."""
        with self._lock:
            self.writer.server.stop()
            self.standby.server.stop()

    # -- failures -----------------------------------------------------------------------------

    def check_health(self) -> None:
        """Check both servers; from one thread, which nothing else may hold up."""
        for node in (self.writer, self.standby):
            node.health_check.check()

    def look_after_writer(self, *, lost_zones: frozenset[str]) -> bool:
        """Replace or restart a writer that failed; True if the standby became the writer."""
        with self._lock:
            if not self.writer.has_failed:
                return False
            if self._standby_has_everything and self.standby.serves:
                self._fail_over()
                return True
            if self.writer.zone not in lost_zones:
                logger.warning("database %s failed: starting it again", self.writer.instance_id)
                # Its first sessions may not wait for the standby yet.
                self._standby_has_everything = False
                self._note_roles()  # a promotion may have failed
                self.writer.fence()
                self.writer.start()
            return False

    def look_after_standby(self, *, lost_zones: frozenset[str]) -> None:
        """Restart a standby that failed; the writer does not wait for it meanwhile."""
        with self._lock:
            if not self.standby.instance_id or not self.writer.serves:
                return
            if self.standby.serves and self._standby_has_everything:
                return
            self._stop_waiting_for_standby()
            if self.standby.zone not in lost_zones:
                self._bring_standby_back()

    def facts(self) -> list[dict[str, Any]]:
        """Each node's instance, role, zone, address, process and state."""
        return [
            {
                "instance": node.instance_id,
                "role": role,
                "zone": node.zone,
                "address": f"{node.server.address}:{node.server.port}",
                "pid": node.server.process.pid if node.server.process is not None else None,
                "log": str(node.server.log_file),
                "state": state,
            }
            for node, role, state in (
                (self.writer, "writer", "serving" if self.writer.serves else "away"),
                (self.standby, "standby", "in sync" if self._standby_has_everything else "away"),
            )
            if node.instance_id
        ]

    # -- details, all under the lock ----------------------------------------------------------

    def _fail_over(self) -> None:
        logger.warning(
            "database %s failed: %s becomes the writer",
            self.writer.instance_id,
            self.standby.instance_id,
        )
        self.writer.fence()
        # A server that starts again continues from here, also when this one is killed now.
        self._roles.write(writer=self.standby.server.data_dir.name, standby_is_outdated=True)
        self.standby.server.promote()
        self.writer, self.standby = self.standby, self.writer
        self._writer_waits = False  # it was a setting of the old writer
        self._standby_has_everything = False
        self._standby_is_outdated = True

    def _stop_waiting_for_standby(self) -> None:
        # First, because commits acknowledged from now on may be on the writer alone.
        self._standby_has_everything = False
        if self._writer_waits:
            with superuser(self.writer.server) as execute:
                execute("ALTER SYSTEM SET synchronous_standby_names = ''")
                execute("SELECT pg_reload_conf()")
            self._writer_waits = False

    def _bring_standby_back(self) -> None:
        logger.warning("database %s comes back as the standby", self.standby.instance_id)
        if not self._standby_is_outdated:
            try:
                self.standby.fence()
                self.standby.start()
                with superuser(self.writer.server) as execute:
                    self._make_writer_wait(execute)
            except PostgresError:
                logger.warning(
                    "it cannot continue from its data: it gets a new copy", exc_info=True
                )
                self._stop_waiting_for_standby()
            else:
                return
        self._standby_is_outdated = True
        self._note_roles()
        self.standby.fence()
        self._copy_to_standby()

    def _copy_to_standby(self) -> None:
        with copy_running(self.writer.server, self.standby.server) as execute:
            self.standby.start()
            self._make_writer_wait(execute)
        self._standby_is_outdated = False
        self._note_roles()

    def _note_roles(self) -> None:
        self._roles.write(
            writer=self.writer.server.data_dir.name,
            standby_is_outdated=self._standby_is_outdated,
        )

    def _make_writer_wait(self, execute: Execute) -> None:
        """Let the writer wait for the standby; return when the standby has all earlier commits.

        Raises PostgresError at a timeout.
        """
        name = self.standby.server.data_dir.name
        state = f"FROM pg_stat_replication WHERE application_name = '{name}'"
        _until(lambda: bool(execute(f"SELECT 1 {state} AND state = 'streaming'")), "streams")
        self._writer_waits = True
        execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        execute("SELECT pg_reload_conf()")
        _until(lambda: bool(execute(f"SELECT 1 {state} AND sync_state = 'sync'")), "is in sync")
        # The checkpointer publishes the setting to the sessions: after its answer all of them wait.
        execute("CHECKPOINT")
        ((reached,),) = execute("SELECT pg_current_wal_flush_lsn()")
        caught_up = f"SELECT 1 {state} AND flush_lsn >= '{reached}'"
        _until(lambda: bool(execute(caught_up)), "has caught up")
        self._standby_has_everything = True


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _STREAMS_TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise PostgresError(
                f"timeout after {_STREAMS_TIMEOUT_SECONDS:.0f} s: waited until the standby {what}"
            )
        time.sleep(_LOOK_AGAIN_SECONDS)
