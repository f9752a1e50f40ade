"""The memory of the service under full load, and whether it grows.

    make bench-memory           # ten minutes; SECONDS=... for another time

`measure` is the shortened row of `make bench`.
"""

import argparse
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.ledger.programs import ProgramMissing
from bench.ledger.row import Row
from bench.ledger.server import Ledger, database_server
from bench.ledger.service import running_service
from bench.ledger.wrk import Load, run_wrk
from bench.pictures.memory import MEMORY, Memory
from bench.pictures.record import RESULTS
from bench.run_description import as_plain_text

BAR_MIB: Final = 150.0
MOONSHOT_MIB: Final = 100.0
_SHORT_SECONDS: Final = 40
_LONG_SECONDS: Final = 600
_MIB: Final = 2**20


@dataclass(frozen=True, kw_only=True)
class Sample:
    seconds: float
    rss_mib: float


def measure(
    ledger: Ledger, seconds: int = _SHORT_SECONDS, keep_in: Path | None = None
) -> list[Row]:
    """64 connections post as fast as they can. `keep_in` gets the record and its picture.

    Raises ProgramMissing or AnswersFailed.
    """
    samples, per_second = _load(ledger, seconds)
    if keep_in is not None:
        _keep(samples, keep_in)
    first, last = (statistics.median(part) for part in _parts(samples))
    return [
        Row(
            name="memory of the service under full load",
            ratio=None,
            value=max(sample.rss_mib for sample in samples),
            unit="MiB",
            bar=BAR_MIB,
            moonshot=MOONSHOT_MIB,
            note=(
                f"the most in {seconds} s at {per_second:.0f} transactions/s; in the second fifth "
                f"{first:.0f}, in the last {last:.0f}"
            ),
        )
    ]


def _parts(samples: list[Sample]) -> tuple[list[float], list[float]]:
    """The second fifth, when caches and pools are filled, and the last."""
    fifth = max(1, len(samples) // 5)
    found = [sample.rss_mib for sample in samples]
    return found[fifth : 2 * fifth], found[-fifth:]


def _load(ledger: Ledger, seconds: int) -> tuple[list[Sample], float]:
    samples: list[Sample] = []
    with running_service(ledger) as service:
        process, stopped = psutil.Process(service.pid), threading.Event()
        started = time.monotonic()

        def watch() -> None:
            while not stopped.wait(1):
                rss = process.memory_info().rss / _MIB
                samples.append(Sample(seconds=time.monotonic() - started, rss_mib=rss))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            answers = run_wrk(
                service.url,
                token=service.token(),
                load=Load(accounts=ledger.accounts),
                seconds=seconds,
            )
        finally:
            stopped.set()
            watcher.join()
    return samples, answers.per_second


def _keep(samples: list[Sample], folder: Path) -> None:
    MEMORY.write(
        Memory(
            run=as_plain_text("make bench-memory"),
            seconds=[round(sample.seconds, 1) for sample in samples],
            rss_mib=[round(sample.rss_mib, 1) for sample in samples],
            bar_mib=BAR_MIB,
            moonshot_mib=MOONSHOT_MIB,
        ),
        folder,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger.memory")
    parser.add_argument("--seconds", type=int, default=_LONG_SECONDS)
    with database_server() as server:
        try:
            seconds = parser.parse_args().seconds
            [row] = measure(server.new_ledger("memory"), seconds, RESULTS)
        except ProgramMissing as error:
            print(error, file=sys.stderr)
            return 1
    print(f"{row.name}: {row.value:.0f} {row.unit}; {row.note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
