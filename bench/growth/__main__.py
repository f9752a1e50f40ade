"""Measures posting in ledgers that hold millions of transactions: `make bench-growth`.

Fills ledgers of the given sizes, lets each of them and an empty one post in turns, and writes
`bench/results/growth.md` and `growth.svg`. It checks no limits.
"""

import argparse
import asyncio
import fcntl
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvloop

from bench.growth import filling
from bench.growth.comparing import CALLS, SERVERS, Row, compare
from bench.growth.identifiers import Ids
from bench.growth.report import Size, page, record
from bench.pictures.growth import GROWTH
from bench.pictures.record import RESULTS


def main() -> int:
    arguments = _arguments()
    with _folder(arguments.folder) as folder:
        folder.chmod(0o755)  # PostgreSQL may run as another user
        uvloop.run(_run(folder, sorted(set(arguments.millions) - {0}), arguments.lock))
    return 0


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="bench-growth-") as folder:
            yield Path(folder)
    else:
        kept.mkdir(exist_ok=True)
        yield kept


async def _run(folder: Path, millions: Sequence[int], lock: Path | None) -> None:
    minutes = {"filling": 0.0, "measuring": 0.0}
    if not all(filling.is_filled(folder, ids, millions) for ids in Ids):
        with _timed(minutes, "filling"):
            await asyncio.gather(*(filling.fill(folder, ids, millions) for ids in Ids))
    sizes = [
        Size(ids=ids, millions=size, name=name, bytes_each=bytes_each)
        for ids in Ids
        for size in millions
        for name, bytes_each in (await filling.sizes(folder, ids, size)).items()
    ]
    rows: list[Row] = []
    for size in reversed(millions):  # a run that is stopped has measured the largest
        for server in SERVERS:
            for call in CALLS:
                if server.is_cause and (size, call) != (max(millions), max(CALLS)):
                    continue
                with _held(lock), _timed(minutes, "measuring"):
                    rows += await compare(folder, server, size, call)
                for row in rows[-2 * len(Ids) :]:
                    print(row, flush=True)
                # After each comparison: a run that is stopped leaves what it has measured.
                (RESULTS / "growth.md").write_text(page(rows, sizes, minutes=minutes))
                GROWTH.write(record(rows))


@contextmanager
def _timed(minutes: dict[str, float], what: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        minutes[what] += (time.monotonic() - started) / 60


@contextmanager
def _held(lock: Path | None) -> Iterator[None]:
    """While it is measured, other measurements that take the same lock wait."""
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", type=int, nargs="+", help="sizes of the ledgers")
    parser.add_argument("--folder", type=Path, help="keeps filled ledgers there for the next run")
    parser.add_argument("--lock", type=Path, help="a file that other measurements lock, too")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
