"""Replaces a folder's tools: one process at a time, and the old ones are restored on failure."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolchain.report import say

_LOCK = ".toolchain-lock"
_OLD = ".toolchain-old"


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the lock of the tools in `home`; wait while another process holds it."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another set-up in {home}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def replacing(home: Path, names: Sequence[str]) -> Iterator[None]:
    """Move these folders of `home` away while new ones are created in their place.

    On any failure the old ones are restored: without them not even `make down` would work.
    """
    old = home / _OLD
    remove(old)
    old.mkdir()
    for name in names:
        if exists(home / name):
            (home / name).rename(old / name)
    try:
        yield
    except BaseException:
        for name in names:
            if exists(old / name):
                remove(home / name)
                (old / name).rename(home / name)
        raise
    finally:
        remove(old)


def exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def remove(path: Path) -> None:
    """Remove a folder, or a link to tools that other checkouts share."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
