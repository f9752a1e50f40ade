"""Posting in a ledger that has grown, beside an empty one."""

from dataclasses import dataclass
from typing import Final

from bench.charts import Bars
from bench.pictures.record import Picture


@dataclass(frozen=True, kw_only=True)
class Grown:
    """One grown ledger beside the empty one of the same rounds."""

    server: str
    call: int  # transactions in each
    ids: str  # version of UUID
    millions: int
    per_second: float
    to_empty: float


@dataclass(frozen=True, kw_only=True)
class Growth:
    run: str
    bar: float  # of `to_empty`
    rows: list[Grown]


def _panels(growth: Growth) -> list[Bars]:
    calls = sorted({row.call for row in growth.rows}, reverse=True)
    return [_of_calls(growth, call) for call in calls]


def _of_calls(growth: Growth, call: int) -> Bars:
    rows = [row for row in growth.rows if row.call == call]
    groups = list(dict.fromkeys((row.server, row.millions) for row in rows))
    found = {(row.server, row.millions, row.ids): row for row in rows}
    versions = sorted({row.ids for row in rows}, reverse=True)
    return Bars(
        title=f"Throughput of a grown ledger, calls of {call}",
        x_label="ratio to an empty ledger in the same minutes",
        names=[f"PostgreSQL {server},\n{millions} million" for server, millions in groups],
        values={
            f"ids of UUID{ids}": [
                found[server, millions, ids].to_empty for server, millions in groups
            ]
            for ids in versions
        },
        texts=[
            "\n".join(f"{found[server, millions, ids].per_second:,.0f}/s" for ids in versions)
            for server, millions in groups
        ],
        levels={f"bar, {growth.bar:g}": growth.bar},
    )


GROWTH: Final = Picture(name="growth", kind=Growth, panels=_panels, run=lambda growth: growth.run)
