"""The service's memory under full load."""

from dataclasses import dataclass
from typing import Final

from bench.charts import Curves, Line
from bench.pictures.record import Picture


@dataclass(frozen=True, kw_only=True)
class Memory:
    run: str
    seconds: list[float]
    rss_mib: list[float]
    bar_mib: float
    moonshot_mib: float


def _panels(memory: Memory) -> list[Curves]:
    return [
        Curves(
            title="Resident memory of the service under full load",
            x_label="seconds of load",
            y_label="MiB",
            lines=[
                Line(name="service", points=list(zip(memory.seconds, memory.rss_mib, strict=True)))
            ],
            levels={
                f"bar, {memory.bar_mib:g} MiB": memory.bar_mib,
                f"moonshot, {memory.moonshot_mib:g} MiB": memory.moonshot_mib,
            },
        )
    ]


MEMORY: Final = Picture(name="memory", kind=Memory, panels=_panels, run=lambda memory: memory.run)
