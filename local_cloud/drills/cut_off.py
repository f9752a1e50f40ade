"""A fault: tasks and functions lose the database, which goes on by itself.

Their sessions end, and a new one is accepted but gets no answer, as when packets are dropped. The
sessions of the superuser stay: those of the standby, of the health check and of this program. So
the writer stays the writer, as on AWS, where the storage has a network of its own.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pg8000.dbapi

from local_cloud.drills.late_commit import connect, database_admin
from local_cloud.drills.rehearsal import Scene
from local_cloud.postgres_configuration import SILENCE

_AGAIN_SECONDS = 0.1
# Longer than any client waits; PostgreSQL's highest value.
_SILENCE_SECONDS = 60
_END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND usename <> current_user"
)


@contextlib.contextmanager
def database_cut_off(scene: Scene) -> Iterator[None]:
    """Of all servers of the environment, until the end of the `with` block.

    A server that is started again meanwhile answers at once.
    """
    admin = database_admin(scene)
    with contextlib.ExitStack() as open_until_the_end:
        sessions = []
        for database in scene.databases():
            sessions.append(connect(database["address"], admin))
            open_until_the_end.callback(_close, sessions[-1])
        over = threading.Event()
        watch = threading.Thread(target=_end_sessions, args=(sessions, over), daemon=True)
        try:
            for session in sessions:
                _execute(session, f"ALTER SYSTEM SET {SILENCE} = {_SILENCE_SECONDS}")
                _execute(session, "SELECT pg_reload_conf()")
            watch.start()
            yield
        finally:
            over.set()
            watch.join()
            for session in sessions:
                with contextlib.suppress(pg8000.dbapi.Error, OSError):  # the server has ended
                    _execute(session, f"ALTER SYSTEM RESET {SILENCE}")
                    _execute(session, "SELECT pg_reload_conf()")


def _end_sessions(sessions: list[Any], over: threading.Event) -> None:
    while True:
        for session in sessions:
            with contextlib.suppress(pg8000.dbapi.Error, OSError):
                _execute(session, _END_SESSIONS)
        # The server may have accepted a session before it had read its new setting.
        if over.wait(_AGAIN_SECONDS):
            return


def _close(session: Any) -> None:
    with contextlib.suppress(pg8000.dbapi.Error, OSError):  # the server has ended
        session.close()


def _execute(session: Any, statement: str) -> None:
    session.cursor().execute(statement)
