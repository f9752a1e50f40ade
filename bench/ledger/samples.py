"""Loads that take turns: what is compared runs in the same minutes, and medians count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One load for some seconds. Processor times are microseconds for each transaction."""

    per_second: float  # transactions
    p50_ms: float = 0
    p99_ms: float = 0
    service_us: float = 0
    postgres_us: float = 0
    generator_us: float = 0


Samples = Mapping[str, Sequence[Sample]]
# A load may depend on what was measured before it in the same round.
Load = Callable[[Samples], Sample]


def take_turns(
    loads: Mapping[str, Load], *, rounds: int, report: Callable[[str], None] = print
) -> Samples:
    """All loads in their order, then again."""
    samples: dict[str, list[Sample]] = {name: [] for name in loads}
    for number in range(1, rounds + 1):
        for name, load in loads.items():
            sample = load(samples)
            samples[name].append(sample)
            latency = f", p99 {sample.p99_ms:.1f} ms" if sample.p99_ms else ""
            report(f"round {number}, {name}: {sample.per_second:.0f}/s{latency}")
    return samples


def best_of(first: Sequence[Sample], second: Sequence[Sample]) -> list[float]:
    """The higher throughput of each round."""
    return [max(a.per_second, b.per_second) for a, b in zip(first, second, strict=True)]


def median_ratio(values: Sequence[float], references: Sequence[float]) -> float:
    """The median of the ratios of each round: both sides had the same machine."""
    return median(value / reference for value, reference in zip(values, references, strict=True))


def throughput(samples: Sequence[Sample]) -> list[float]:
    return [sample.per_second for sample in samples]


def processor_note(samples: Sequence[Sample]) -> str:
    """Where the processor time of a transaction goes."""
    parts = (
        ("service", median(sample.service_us for sample in samples)),
        ("PostgreSQL", median(sample.postgres_us for sample in samples)),
        ("load generator", median(sample.generator_us for sample in samples)),
    )
    each = ", ".join(f"{name} {us:.0f}" for name, us in parts if us)
    return f"CPU {sum(us for _, us in parts):.0f} µs: {each}"
