"""Copies a running PostgreSQL server, as pg_basebackup does, which the npm package lacks."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local_cloud.postgres import PostgresServer
from local_cloud.superuser import Execute, superuser

_SLOT: Final = "base_backup"
# These folders belong to the running server, not to its data; they must exist and be empty.
_LEFT_EMPTY: Final = {
    "pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat_tmp",
    "pg_subtrans", "pg_wal",
}  # fmt: skip
_LEFT_OUT: Final = {"postmaster.pid", "postmaster.opts", "standby.signal"}
# Holds the position of the last checkpoint: it must not be older than the data.
_LAST: Final = Path("global") / "pg_control"


@contextlib.contextmanager
def copy_running(source: PostgresServer, standby: PostgresServer) -> Iterator[Execute]:
    """Replace the data of the stopped `standby` by a copy of `source`, from which it will stream.

    `source` keeps what it writes until the block ends: start the standby inside the block, and
    wait until it streams. Yields a superuser's session at `source`.
    """
    shutil.rmtree(standby.data_dir, ignore_errors=True)
    with superuser(source) as execute:
        # Temporary: the slot is dropped with this session.
        execute(f"SELECT pg_create_physical_replication_slot('{_SLOT}', true, true)")
        execute(f"SELECT pg_backup_start('{_SLOT}', true)")
        _copy(source.data_dir, standby.data_dir)
        ((label,),) = execute("SELECT labelfile FROM pg_backup_stop(false)")
        (standby.data_dir / "backup_label").write_text(label)
        standby.follow(source)
        yield execute


def _copy(source: Path, target: Path) -> None:
    """Recovery repairs pages that were written during the copy."""
    for folder, folders, files in os.walk(source):
        place = Path(folder).relative_to(source)
        (target / place).mkdir(parents=True, exist_ok=True)
        if str(place) in _LEFT_EMPTY:
            folders.clear()
            continue
        for name in files:
            if name not in _LEFT_OUT and place / name != _LAST:
                with contextlib.suppress(FileNotFoundError):  # the table was dropped meanwhile
                    shutil.copyfile(Path(folder) / name, target / place / name)
    (target / "pg_wal" / "archive_status").mkdir()
    shutil.copyfile(source / _LAST, target / _LAST)
