"""The AWS services that are away: a drill writes them, and the emulator refuses their requests."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from local_cloud.whole_file import write_whole


class Outages:
    """One name per line of a file, as in the scope of a signature: `s3`, `sqs`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def away(self) -> frozenset[str]:
        try:
            return frozenset(self._file.read_text().split())
        except FileNotFoundError:
            return frozenset()

    @contextlib.contextmanager
    def of(self, service: str) -> Iterator[None]:
        """The service is away until the end of the block."""
        self._write(self.away() | {service})
        try:
            yield
        finally:
            self._write(self.away() - {service})

    def _write(self, services: frozenset[str]) -> None:
        write_whole(self._file, "\n".join(sorted(services)))
