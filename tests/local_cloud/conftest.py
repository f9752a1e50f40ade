"""Tests of the local cloud run initdb once, and copy its result; some have a pair of databases."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud.emulator.database_pair import DatabasePair
from local_cloud.postgres import PostgresServer
from tests.local_cloud.database_pairs import running_pair

_run = PostgresServer._run


class _Initdb:
    """Runs initdb for the first server of a kind; the others get a copy, which is faster.

    Settings and certificates are written later, for each server.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, str], Path] = {}

    def run(self, server: PostgresServer, tool: str, *arguments: str) -> None:
        kind = (server.superuser, server.password)
        if tool != "initdb":
            _run(server, tool, *arguments)
        elif kind in self._made:
            _copy(self._made[kind], server.data_dir)
        else:
            _run(server, tool, *arguments)
            kept = self._folder / str(len(self._made))
            _copy(server.data_dir, kept)
            self._made[kind] = kept


def _copy(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    subprocess.run(["cp", "--archive", f"{source}/.", str(target)], check=True)


@pytest.fixture(scope="session", autouse=True)
def _initdb_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    initdb = _Initdb(tmp_path_factory.mktemp("initdb"))

    def run(server: PostgresServer, tool: str, *arguments: str) -> None:
        initdb.run(server, tool, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresServer, "_run", run)
        yield


@pytest.fixture
def pair() -> Iterator[DatabasePair]:
    with running_pair() as pair:
        yield pair
