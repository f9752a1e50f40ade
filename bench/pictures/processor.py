"""One warm invocation of the queue processor, by the size of its batch."""

from dataclasses import dataclass
from typing import Final

from bench.charts import Bars
from bench.pictures.record import Picture

LOOP: Final = "loop"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Medians. Microseconds are for a message."""

    batch: str  # its size, or LOOP
    per_second: float
    times_the_loop: float
    python_us: float
    postgres_us: float
    stub_us: float


@dataclass(frozen=True, kw_only=True)
class Processor:
    run: str
    rows: list[Batch]


def _panels(processor: Processor) -> list[Bars]:
    batches = [row for row in processor.rows if row.batch != LOOP]
    [loop] = [row for row in processor.rows if row.batch == LOOP]
    of_loop = loop.python_us + loop.postgres_us + loop.stub_us
    return [
        Bars(
            title="Messages per second through one warm invocation",
            x_label="messages per second",
            names=["a put for each message", *(f"batch of {row.batch}" for row in batches)],
            values={"messages/s": [loop.per_second, *(row.per_second for row in batches)]},
            texts=["1", *(f"{row.times_the_loop:.1f} times" for row in batches)],
        ),
        Bars(
            title=f"Processor time for a message (a put for each message: {of_loop:,.0f} µs)",
            x_label="µs for a message",
            names=[f"batch of {row.batch}" for row in batches],
            values={
                "Python": [row.python_us for row in batches],
                "PostgreSQL": [row.postgres_us for row in batches],
                "stub of AWS": [row.stub_us for row in batches],
            },
            stacked=True,
        ),
    ]


PROCESSOR: Final = Picture(
    name="processor", kind=Processor, panels=_panels, run=lambda processor: processor.run
)
