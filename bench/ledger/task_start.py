"""From the start of a task's process to its first healthy answer, as the load balancer asks.

On a busy machine the time says little: the note has the processor time of the start, which is what
it takes on a core of its own.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.ledger.row import Row
from bench.ledger.server import Ledger
from bench.ledger.service import aws_stub, start_service

BAR_SECONDS: Final = 2.0
MOONSHOT_SECONDS: Final = 1.0
_STARTS: Final = 5


def measure(ledger: Ledger) -> list[Row]:
    """Medians, after one start that compiles modules, as the image has compiled them."""
    _start(ledger)
    starts = [_start(ledger) for _ in range(_STARTS)]
    wall, cpu = (statistics.median(each[i] for each in starts) for i in (0, 1))
    return [
        Row(
            name="start of a task to healthy",
            ratio=None,
            value=wall,
            unit="s",
            bar=BAR_SECONDS,
            moonshot=MOONSHOT_SECONDS,
            note=f"of it {cpu:.2f} s of processor time",
        )
    ]


def _start(ledger: Ledger) -> tuple[float, float]:
    """Seconds, and seconds of processor time."""
    with aws_stub() as aws, tempfile.TemporaryDirectory(prefix="bench-start-") as folder:
        started = time.perf_counter()
        service = start_service(ledger, aws, Path(folder))
        try:
            service.wait_until_healthy()
            return time.perf_counter() - started, service.processor_seconds()
        finally:
            service.stop()
