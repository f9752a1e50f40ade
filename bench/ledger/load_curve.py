"""Throughput and latency of `POST /transactions` against the offered load."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.ledger.bed import Bed
from bench.ledger.postings import CONNECTIONS, POST
from bench.ledger.samples import Sample, Samples, throughput
from bench.ledger.wrk import Load
from bench.pictures.ledger import Offered

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


def offered(points: Sequence[Point]) -> list[Offered]:
    """As the record has them."""
    return [
        Offered(
            offered=round(point.offered, 1),
            answered=round(point.sample.per_second, 1),
            p50_ms=point.sample.p50_ms,
            p99_ms=point.sample.p99_ms,
        )
        for point in points
    ]
