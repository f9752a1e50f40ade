"""Copies a PostgreSQL server while it works: what pg_basebackup does, which the package lacks."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local_cloud.postgres import PostgresServer
from local_cloud.superuser import Execute, superuser

_SLOT: Final = "base_backup"
# What belongs to the running server and not to its data; the folders themselves must be there.
_LEFT_EMPTY: Final = {
    "pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat_tmp",
    "pg_subtrans", "pg_wal",
}  # fmt: skip
_LEFT_OUT: Final = {"postmaster.pid", "postmaster.opts", "standby.signal"}
# Says where the data stand, so it must not be older than they are.
_LAST: Final = Path("global") / "pg_control"


@contextlib.contextmanager
def copy_running(source: PostgresServer, standby: PostgresServer) -> Iterator[Execute]:
    """Replace the data of the stopped `standby` by a copy of `source`, which it will stream from.

    What `source` writes meanwhile is kept for the standby until the block ends: start it within,
    and wait until it streams. Yields a superuser's session at `source`.
    """
    shutil.rmtree(standby.data_dir, ignore_errors=True)
    with superuser(source) as execute:
        # Temporary: it goes with this session, and holds nothing back longer than that.
        execute(f"SELECT pg_create_physical_replication_slot('{_SLOT}', true, true)")
        execute(f"SELECT pg_backup_start('{_SLOT}', true)")
        _copy(source.data_dir, standby.data_dir)
        ((label,),) = execute("SELECT labelfile FROM pg_backup_stop(false)")
        (standby.data_dir / "backup_label").write_text(label)
        standby.follow(source)
        yield execute


def _copy(source: Path, target: Path) -> None:
    """Pages that are torn by a write at the same time are mended from the log."""
    for folder, folders, files in os.walk(source):
        place = Path(folder).relative_to(source)
        (target / place).mkdir(parents=True, exist_ok=True)
        if str(place) in _LEFT_EMPTY:
            folders.clear()
            continue
        for name in files:
            if name not in _LEFT_OUT and place / name != _LAST:
                with contextlib.suppress(FileNotFoundError):  # a table that was dropped meanwhile
                    shutil.copyfile(Path(folder) / name, target / place / name)
    (target / "pg_wal" / "archive_status").mkdir()
    shutil.copyfile(source / _LAST, target / _LAST)
