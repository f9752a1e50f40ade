"""A benchmark's record, and the picture of it beside it in `bench/results/`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from bench.charts import Panel
from bench.drawing import svg
from local_cloud.paths import ROOT

RESULTS: Final = ROOT / "bench" / "results"
Record = TypeVar("Record")


class RecordBroken(Exception):
    """The file of a record cannot be read; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Picture(Generic[Record]):
    """`name` is that of both files, unless the record has another one."""

    name: str
    kind: type[Record]
    panels: Callable[[Record], Sequence[Panel]]
    run: Callable[[Record], str]  # the line below the charts
    record_name: str = ""

    def write(self, record: Record, folder: Path = RESULTS) -> None:
        """Keep the numbers and draw them."""
        packed = msgspec.json.format(msgspec.json.encode(record), indent=1)
        self._file(folder).write_bytes(packed + b"\n")
        self.draw(folder)

    def draw(self, folder: Path = RESULTS) -> None:
        """From the record in `folder`. Raises RecordBroken."""
        (folder / f"{self.name}.svg").write_text(self.drawn(self.read(folder)))

    def read(self, folder: Path = RESULTS) -> Record:
        """Raises RecordBroken."""
        file = self._file(folder)
        try:
            return msgspec.json.decode(file.read_bytes(), type=self.kind)
        except (OSError, msgspec.DecodeError) as error:
            raise RecordBroken(
                f"{file} is no whole record ({error}): measure again, or take it from git"
            ) from error

    def drawn(self, record: Record) -> str:
        return svg(self.panels(record), footer=self.run(record))

    def _file(self, folder: Path) -> Path:
        return folder / f"{self.record_name or self.name}.json"
