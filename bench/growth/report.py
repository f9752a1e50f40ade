"""The page of results."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.growth.comparing import CALLS, ROUNDS, SERVERS, Row
from bench.growth.filling import ACCOUNTS, MILLION
from bench.growth.identifiers import Ids
from bench.growth.load import CONNECTIONS
from bench.pictures.growth import Grown, Growth
from bench.run_description import as_plain_text, described

_BAR = 0.85  # of the throughput of an empty ledger


@dataclass(frozen=True, kw_only=True)
class Size:
    """Of one table or index in a filled ledger."""

    ids: Ids
    millions: int
    name: str
    bytes_each: float  # for each transaction


def page(rows: Sequence[Row], sizes: Sequence[Size], *, minutes: Mapping[str, float]) -> str:
    grown = sorted({row.millions for row in rows} - {0})
    took = ", ".join(
        f"{what} {value:.0f} min" if value else f"{what} in an earlier run"
        for what, value in minutes.items()
    )
    measured = {row.server for row in rows}
    sections = "\n".join(
        _section(rows, server.name, server.why) for server in SERVERS if server.name in measured
    )
    return f"""# Posting in a ledger that has grown

{described(f'make bench-growth MILLIONS="{" ".join(map(str, grown))}"')},
PostgreSQL of the local cloud with fsync. The run: {took}.

{ACCOUNTS:,} accounts, each chosen with the same probability. Transfers through the posting
function on {CONNECTIONS} connections, as two tasks of the service call it, but without HTTP and
TLS. Four servers take turns of a few seconds ({_turns()}):
an empty ledger and a grown one, with ids of version 7 and of version 4.

* *to empty*: the median of {ROUNDS} rounds of the quotient of neighbouring turns. Only these
  ratios compare; the rest depends on what else the machine does.
* In brackets: the empty ledger of the same comparison, which holds at most
  {_posted_most() / MILLION:.1f} million transactions at its end.
* *CPU*: of all processes of the server for a transaction. *relay*: what the server does for the
  relay (seal batches, make the messages, record them as sent); it is not in the turn.
* *WAL*, *page images* (of 8 KB, in the WAL) and *read* (blocks of 8 KB from outside of
  `shared_buffers`) are for a transaction, too. Here the operating system has the blocks in
  memory; on Aurora each is a read of the storage.

The grown ledgers are filled with `bench/growth/filling.sql`. Each run compares its rows with those
of the posting function for the same transfers, column by column and in their order on disk. Then
it checks that the balances sum to zero, and that balance and version of every account are those of
its entries.

![Throughput as a ratio to an empty ledger](growth.svg)
{sections}
## On disk

Bytes of a transaction, in a ledger that was filled in the order of posting:

{_sizes(sizes)}"""


def record(rows: Sequence[Row]) -> Growth:
    return Growth(
        run=as_plain_text("make bench-growth"),
        bar=_BAR,
        rows=[
            Grown(
                server=row.server,
                call=row.call,
                ids=row.ids,
                millions=row.millions,
                per_second=row.per_second,
                to_empty=row.to_empty,
            )
            for row in rows
            if row.millions
        ],
    )


def _posted_most() -> int:
    return max((ROUNDS + 1) * calls * call for call, calls in CALLS.items())


def _turns() -> str:
    return " and ".join(f"{calls:,} calls of {call}" for call, calls in CALLS.items())


def _section(rows: Sequence[Row], name: str, why: str) -> str:
    tables = "\n".join(
        f"Calls of {call}:\n\n"
        + _table(row for row in rows if (row.server, row.call) == (name, call))
        for call in sorted({row.call for row in rows if row.server == name}, reverse=True)
    )
    return f"\n## PostgreSQL {name}\n\nSettings: {why}.\n\n{tables}"


def _table(rows: Iterable[Row]) -> str:
    """One line for each grown ledger; in brackets the empty one beside it."""
    found = {(row.ids, row.compared, row.millions): row for row in rows}
    lines = [
        "| ids | in the ledger | transactions/s (empty) | to empty | p50 (empty) | p99 (empty) |"
        " CPU (empty) | to empty | relay (empty) | WAL (empty) | page images | read | in memory |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (ids, compared, millions), row in sorted(
        found.items(), key=lambda item: (item[0][0] is Ids.V4, item[0][1])
    ):
        if millions:
            lines.append(_line(row, found[ids, compared, 0]))
    return "\n".join(lines) + "\n"


def _line(row: Row, empty: Row) -> str:
    cells = (
        row.ids,
        f"{row.held / MILLION:.1f} M",
        f"{row.per_second:,.0f} ({empty.per_second:,.0f})",
        f"**{row.to_empty:.2f}**",
        f"{row.p50_ms:.0f} ms ({empty.p50_ms:.0f})",
        f"{row.p99_ms:.0f} ms ({empty.p99_ms:.0f})",
        f"{row.cpu_us:.0f} µs ({empty.cpu_us:.0f})",
        f"{row.cpu_to_empty:.2f}",
        f"{row.relay_cpu_us:.0f} µs ({empty.relay_cpu_us:.0f})",
        f"{row.wal_bytes / 1000:.1f} KB ({empty.wal_bytes / 1000:.1f})",
        f"{row.page_images:.2f}",
        f"{row.blocks_read:.2f}",
        f"{100 * row.hit_ratio:.1f} %",
    )
    return f"| {' | '.join(cells)} |"


def _sizes(sizes: Sequence[Size]) -> str:
    columns = sorted({(each.ids is Ids.V4, each.ids, each.millions) for each in sizes})
    names = list(dict.fromkeys(each.name for each in sizes))
    found = {(each.name, each.ids, each.millions): each.bytes_each for each in sizes}
    lines = [
        f"| table or index | {' | '.join(f'{ids}, {size} M' for _, ids, size in columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]
    for name in names:
        values = [found[name, ids, size] for _, ids, size in columns]
        if any(value >= 0.5 for value in values):  # the others are empty
            lines.append(f"| `{name}` | {' | '.join(f'{value:.0f}' for value in values)} |")
    sums = [sum(found[name, ids, size] for name in names) for _, ids, size in columns]
    lines.append(f"| together | {' | '.join(f'**{value:.0f}**' for value in sums)} |")
    return "\n".join(lines) + "\n"
