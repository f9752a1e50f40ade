"""Which zones are lost: said by a drill, heeded by everything that starts something in a zone."""

from pathlib import Path


class Zones:
    """A zone a line in a file, so that a drill and the server need nothing else to share."""

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
        unfinished = self._file.with_suffix(".unfinished")
        unfinished.write_text("\n".join(sorted(zones)))
        unfinished.replace(self._file)
