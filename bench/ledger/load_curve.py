"""Throughput and latency of `POST /transactions` against the offered load."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.ledger.bed import Bed
from bench.ledger.postings import CONNECTIONS, POST
from bench.ledger.samples import Sample, Samples, throughput
from bench.ledger.svg_chart import Chart, Series
from bench.ledger.wrk import Load

_SHARES = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)  # of the full load


@dataclass(frozen=True, kw_only=True)
class Point:
    offered: float  # requests per second
    sample: Sample


def measure(bed: Bed, samples: Samples) -> list[Point]:
    full = median(throughput(samples[POST]))
    points = []
    for share in _SHARES:
        load = Load(connections=CONNECTIONS, accounts=bed.accounts, rate=share * full)
        points.append(Point(offered=load.rate, sample=bed.service.load(load, seconds=bed.seconds)))
    return points


def charts(points: Sequence[Point]) -> list[Chart]:
    def line(name: str, values: Sequence[float]) -> Series:
        offered = [point.offered for point in points]
        return Series(name=name, points=list(zip(offered, values, strict=True)))

    found = [point.sample for point in points]
    return [
        Chart(
            title="POST /transactions: answered requests per second",
            x_label="offered requests per second",
            series=[
                line("answered", throughput(found)),
                line("offered", [point.offered for point in points]),
            ],
        ),
        Chart(
            title="POST /transactions: milliseconds to the answer",
            x_label="offered requests per second",
            logarithmic=True,
            series=[
                line("p99", [sample.p99_ms for sample in found]),
                line("p50", [sample.p50_ms for sample in found]),
            ],
        ),
    ]
