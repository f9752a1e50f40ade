"""What each index costs a posting: with it and without it."""

from dataclasses import dataclass
from typing import Final

from bench.charts import Bars
from bench.pictures.record import Picture


@dataclass(frozen=True, kw_only=True)
class Index:
    """For each posting, in microseconds of processor and bytes of WAL."""

    what: str
    index: str
    us_with: float
    us_without: float
    wal_with: float
    wal_without: float


@dataclass(frozen=True, kw_only=True)
class IndexCost:
    run: str
    rows: list[Index]


def _panels(cost: IndexCost) -> list[Bars]:
    names = [f"{row.what}:\n{row.index}" for row in cost.rows]
    return [
        Bars(
            title="What an index costs a posting: processor (3 µs are noise)",
            x_label="µs of processor for a posting",
            names=names,
            values={
                "with the index": [row.us_with for row in cost.rows],
                "without it": [row.us_without for row in cost.rows],
            },
            texts=[f"{row.us_with - row.us_without:+.1f} µs" for row in cost.rows],
        ),
        Bars(
            title="What it costs: write-ahead log",
            x_label="bytes of WAL for a posting",
            names=names,
            values={
                "with the index": [row.wal_with for row in cost.rows],
                "without it": [row.wal_without for row in cost.rows],
            },
            texts=[f"{row.wal_with - row.wal_without:+.0f} bytes" for row in cost.rows],
        ),
    ]


INDEX_COST: Final = Picture(
    name="index-cost", kind=IndexCost, panels=_panels, run=lambda cost: cost.run
)
