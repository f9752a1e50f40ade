"""The zones that are lost: a drill writes them, and nothing is started in a lost zone."""

from pathlib import Path

from local_cloud.whole_file import write_whole


class Zones:
    """One zone per line of a file, which a drill and the server share."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def lost(self) -> frozenset[str]:
        try:
            return frozenset(self._file.read_text().split())
        except FileNotFoundError:
            return frozenset()

    def lose(self, zone: str) -> None:
        self._write(self.lost() | {zone})

    def bring_back(self, zone: str) -> None:
        self._write(self.lost() - {zone})

    def _write(self, zones: frozenset[str]) -> None:
        write_whole(self._file, "\n".join(sorted(zones)))
