"""The page of results."""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.growth.comparing import CALLS, ROUNDS, SERVERS, Row
from bench.growth.filling import ACCOUNTS, MILLION
from bench.growth.identifiers import Ids
from bench.growth.load import CONNECTIONS
from local_cloud.paths import ROOT


@dataclass(frozen=True, kw_only=True)
class Size:
    """Of one table or index in a filled ledger."""

    ids: Ids
    millions: int
    name: str
    bytes: int


def page(rows: Sequence[Row], sizes: Sequence[Size], *, minutes: Mapping[str, float]) -> str:
    commit = subprocess.check_output(
        ["git", "rev-parse", "--short=12", "HEAD"], text=True, cwd=ROOT
    ).strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    grown = sorted({row.millions for row in rows} - {0})
    took = ", ".join(f"{what} {value:.0f} min" for what, value in minutes.items())
    sections = "\n".join(_section(rows, server.name, server.why) for server in SERVERS)
    return f"""# Posting in a ledger that has grown

`make bench-growth MILLIONS="{" ".join(map(str, grown))}"` at commit {commit}:
{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()},
PostgreSQL of the local cloud with fsync. The run: {took}.

{ACCOUNTS:,} accounts, each chosen with the same probability. Transfers through the posting
function on {CONNECTIONS} connections, as two tasks of the service call it, but without HTTP and
TLS. Four servers take turns of a few seconds ({_turns()}): an empty ledger and a grown one,
with ids of version 7 and of version 4.

* *to the empty one*: the median of {ROUNDS} rounds of the quotient of neighbouring turns. Only
  these ratios compare; the rest depends on what else the machine does.
* *CPU*: of all processes of the server for a transaction. *relay*: what the server does for the
  relay (make the messages, delete the rows); it is not in the turn.
* *WAL*, *page images* (of 8 KB, in the WAL) and *read* (blocks of 8 KB from outside of
  `shared_buffers`) are for a transaction, too. Here the operating system has the blocks in
  memory; on Aurora each is a read of the storage.

The grown ledgers are filled with `bench/growth/filling.sql`. Each run compares its rows with those
of the posting function for the same transfers, column by column and in their order on disk. Then
it checks that the balances sum to zero, and that balance and version of every account are those of
its entries.

![Throughput and CPU](growth.svg)
{sections}
## On disk

Bytes of a transaction, in a ledger that was filled in the order of posting:

{_sizes(sizes)}"""


def _turns() -> str:
    return " and ".join(f"{calls:,} calls of {call}" for call, calls in CALLS.items())


def _section(rows: Sequence[Row], name: str, why: str) -> str:
    tables = "\n".join(
        f"Calls of {call}:\n\n"
        + _table(row for row in rows if (row.server, row.call) == (name, call))
        for call in CALLS
    )
    return f"\n## PostgreSQL {name}\n\nSettings: {why}.\n\n{tables}"


def _table(rows: Iterable[Row]) -> str:
    lines = [
        "| ids | in the ledger | transactions/s | to the empty one | p50 | p99 | CPU |"
        " to the empty one | relay | WAL | page images | read | found in memory |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in sorted(rows, key=lambda row: (row.ids is Ids.V4, row.millions)):
        lines.append(
            f"| {row.ids} | {row.held / MILLION:.1f} M | {row.per_second:,.0f}"
            f" | {_ratio(row, row.to_empty)} | {row.p50_ms:.1f} ms | {row.p99_ms:.1f} ms"
            f" | {row.cpu_us:.0f} µs | {_ratio(row, row.cpu_to_empty)}"
            f" | {row.relay_cpu_us:.0f} µs | {row.wal_bytes:,.0f} B | {row.page_images:.2f}"
            f" | {row.blocks_read:.2f} | {100 * row.hit_ratio:.2f} % |"
        )
    return "\n".join(lines) + "\n"


def _ratio(row: Row, ratio: float) -> str:
    return f"**{ratio:.2f}**" if row.millions else ""


def _sizes(sizes: Sequence[Size]) -> str:
    columns = sorted({(each.ids is Ids.V4, each.ids, each.millions) for each in sizes})
    names = list(dict.fromkeys(each.name for each in sizes))
    found = {(each.name, each.ids, each.millions): each.bytes for each in sizes}
    lines = [
        f"| table or index | {' | '.join(f'{ids}, {size} M' for _, ids, size in columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]
    for name in names:
        values = [
            f"{found.get((name, ids, size), 0) / (size * MILLION):.0f}" for _, ids, size in columns
        ]
        lines.append(f"| `{name}` | {' | '.join(values)} |")
    sums = [
        f"**{sum(found.get((name, ids, size), 0) for name in names) / (size * MILLION):.0f}**"
        for _, ids, size in columns
    ]
    lines.append(f"| together | {' | '.join(sums)} |")
    return "\n".join(lines) + "\n"
