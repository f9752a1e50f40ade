"""Compares a grown ledger with an empty one, in turns of a few seconds."""

import statistics
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.growth.filling import MILLION, data_dir
from bench.growth.identifiers import Ids
from bench.growth.ledgers import copy, running
from bench.growth.load import Counters, PostingLedger, Slice, posting

ROUNDS = 5
CALLS = {32: 750, 1: 2000}  # of a slice, by the transactions of a call


@dataclass(frozen=True, kw_only=True)
class Server:
    """Settings beside those of the local cloud."""

    name: str
    why: str
    settings: Mapping[str, str]
    is_cause: bool = False  # shows what slows a large ledger down: only for the largest one


_LARGE = {"shared_buffers": "2GB"}
# Without a checkpoint while it is measured.
_LOG_ALONE = {"full_page_writes": "off", "max_wal_size": "32GB", "checkpoint_timeout": "1h"}
SERVERS = (
    Server(
        name="as the local cloud runs it",
        why="`shared_buffers` 64 MB, and PostgreSQL's defaults: a checkpoint after about 0.5 GB of"
        " WAL (`max_wal_size` 1 GB) or 5 minutes, images of whole pages in the WAL after each one",
        settings={},
    ),
    Server(
        name="nearer to Aurora",
        why="`shared_buffers` 2 GB, no page images (`full_page_writes` off), no checkpoint while it"
        " is measured: Aurora's storage takes the log alone",
        settings=_LARGE | _LOG_ALONE,
    ),
    Server(
        name="with little memory alone",
        why="`shared_buffers` 64 MB, no page images, no checkpoint while it is measured",
        settings=_LOG_ALONE,
        is_cause=True,
    ),
    Server(
        name="with page images alone",
        why="`shared_buffers` 2 GB, checkpoints and page images as the local cloud has them",
        settings=_LARGE,
        is_cause=True,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One ledger in one comparison; medians of the rounds."""

    server: str
    call: int
    ids: Ids
    millions: int  # 0: the empty one
    compared: int  # the size of the grown one of this comparison, in millions
    held: int  # transactions in the ledger at the end
    per_second: float
    to_empty: float  # throughput, as a ratio of the same round
    p50_ms: float
    p99_ms: float
    cpu_us: float  # of the server for a transaction
    cpu_to_empty: float
    relay_cpu_us: float
    wal_bytes: float  # of a transaction
    page_images: float
    blocks_read: float
    hit_ratio: float


async def compare(folder: Path, server: Server, millions: int, call: int) -> list[Row]:
    """Two empty ledgers and two of this size; of each pair one gets ids v7, the other v4."""
    async with AsyncExitStack() as stack:
        ledgers: dict[tuple[Ids, int], PostingLedger] = {}
        for ids in Ids:
            for size in (0, millions):
                directory = data_dir(folder, ids, size)
                if size == 0:
                    copy(directory, directory := folder / f"{ids}-empty")
                running_ledger = await stack.enter_async_context(
                    running(directory, settings=server.settings)
                )
                ledgers[ids, size] = await stack.enter_async_context(posting(running_ledger, ids))
        for ledger in ledgers.values():
            await ledger.warm()
            await ledger.post(calls=CALLS[call], call=call)  # not measured: plans, caches
        begun = {key: await ledger.counters() for key, ledger in ledgers.items()}
        slices: dict[tuple[Ids, int], list[Slice]] = {key: [] for key in ledgers}
        for _ in range(ROUNDS):
            for key, ledger in ledgers.items():
                slices[key].append(await ledger.post(calls=CALLS[call], call=call))
        ended = {key: await ledger.counters() for key, ledger in ledgers.items()}
        return [
            _row(
                server=server,
                call=call,
                ids=ids,
                millions=size,
                compared=millions,
                held=await ledger.transactions(),
                slices=slices[ids, size],
                beside=slices[ids, 0],
                begun=begun[ids, size],
                ended=ended[ids, size],
            )
            for (ids, size), ledger in ledgers.items()
        ]


def _row(
    *,
    server: Server,
    call: int,
    ids: Ids,
    millions: int,
    compared: int,
    held: int,
    slices: Sequence[Slice],
    beside: Sequence[Slice],
    begun: Counters,
    ended: Counters,
) -> Row:
    posted = sum(each.transactions for each in slices)
    durations = sorted(seconds for each in slices for seconds in each.call_seconds)
    blocks_read = ended.blocks_read - begun.blocks_read
    blocks_hit = ended.blocks_hit - begun.blocks_hit
    median = statistics.median
    return Row(
        server=server.name,
        call=call,
        ids=ids,
        millions=millions,
        compared=compared,
        held=held,
        per_second=median(_rate(each) for each in slices),
        to_empty=median(
            _rate(one) / _rate(other) for one, other in zip(slices, beside, strict=True)
        ),
        p50_ms=1000 * durations[len(durations) // 2],
        p99_ms=1000 * durations[len(durations) * 99 // 100],
        cpu_us=median(_cpu_us(each) for each in slices),
        cpu_to_empty=median(
            _cpu_us(one) / _cpu_us(other) for one, other in zip(slices, beside, strict=True)
        ),
        relay_cpu_us=median(
            MILLION * each.relay_cpu_seconds / each.transactions for each in slices
        ),
        wal_bytes=sum(each.wal_bytes for each in slices) / posted,
        page_images=(ended.page_images - begun.page_images) / posted,
        blocks_read=blocks_read / posted,
        hit_ratio=blocks_hit / (blocks_hit + blocks_read),
    )


def _rate(one: Slice) -> float:
    return one.transactions / one.seconds


def _cpu_us(one: Slice) -> float:
    return MILLION * one.cpu_seconds / one.transactions
