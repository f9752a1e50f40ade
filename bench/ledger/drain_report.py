"""What a drain has shown: a page, a picture, and the part that limits it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.ledger.svg_chart import Chart, Series, svg
from bench.run_description import described
from local_cloud.paths import ROOT

_RESULTS: Final = ROOT / "bench" / "results"
_SHOWN_SECONDS: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Transactions at each stage. `queued` includes those that the processor has."""

    seconds: float
    sent: int
    queued: int
    posted: int
    outbox: int
    audited: int


@dataclass(frozen=True, kw_only=True)
class Drained:
    count: int
    seconds: float
    samples: Sequence[Sample]
    cpu_seconds: Mapping[str, float]  # of each part of the cloud
    objects: int

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    @property
    def bottleneck(self) -> str:
        """The part that has used most processor time, and how much of one core that was."""
        part, used = max(self.cpu_seconds.items(), key=lambda each: each[1])
        total = sum(self.cpu_seconds.values())
        return (
            f"{part}: {100 * used / self.seconds:.0f} % of one core, "
            f"{100 * used / total:.0f} % of all processor time"
        )


def line(sample: Sample) -> str:
    return (
        f"{sample.seconds:6.1f} s  sent {sample.sent:>7}  queue {sample.queued:>7}"
        f"  posted {sample.posted:>7}  outbox {sample.outbox:>6}  audited {sample.audited:>7}"
    )


def write(drained: Drained) -> None:
    (_RESULTS / "drain.md").write_text(_page(drained))
    (_RESULTS / "drain.svg").write_text(svg(_charts(drained.samples)))


def _charts(samples: Sequence[Sample]) -> list[Chart]:
    seconds = [each.seconds for each in samples]
    stages = {
        "sent": [each.sent for each in samples],
        "posted": [each.posted for each in samples],
        "audited": [each.audited for each in samples],
    }
    lags = {
        "to be posted": [each.sent - each.posted for each in samples],
        "to be audited": [each.posted - each.audited for each in samples],
    }

    def line(name: str, values: Sequence[float]) -> Series:
        return Series(name=name, points=list(zip(seconds, values, strict=True)))

    return [
        Chart(
            title="Transactions per second, over 5 s",
            x_label="seconds",
            series=[line(name, _rates(seconds, totals)) for name, totals in stages.items()],
        ),
        Chart(
            title="Transactions that wait",
            x_label="seconds",
            series=[line(name, waiting) for name, waiting in lags.items()],
        ),
    ]


def _rates(seconds: Sequence[float], totals: Sequence[int], over: float = 5.0) -> list[float]:
    rates = []
    first = 0
    for index, now in enumerate(seconds):
        while now - seconds[first] > over:
            first += 1
        span = now - seconds[first]
        rates.append((totals[index] - totals[first]) / span if span else 0.0)
    return rates


def _page(drained: Drained) -> str:
    parts = sorted(drained.cpu_seconds.items(), key=lambda each: -each[1])
    table = "\n".join(
        f"| {name} | {used:.1f} | {100 * used / drained.seconds:.0f} % |"
        f" {1e6 * used / drained.count:.0f} |"
        for name, used in parts
        if used >= _SHOWN_SECONDS
    )
    sent_after = next(s.seconds for s in drained.samples if s.sent == drained.count)
    return f"""# Draining the transaction queue in the local cloud

{described("make bench-drain")}.

{drained.count:,} transactions between new accounts went through the queue, the processor, the
ledger, the outbox, the audit queue and the audit writer in **{drained.seconds:.0f} s:
{drained.per_second:,.0f} per second**. Sending them took {sent_after:.0f} s of it. They are in
{drained.objects:,} audit objects, {drained.count / drained.objects:.0f} in each; every one was
found there once, with the contents that were sent.

![Rates and what waits](drain.svg)

The most processor time is used by **{drained.bottleneck}**.

| part | processor seconds | of one core | µs for a transaction |
|---|---|---|---|
{table}

The emulator is one Python process: all queues, tables, buckets, log groups and the pollers of the
functions. On AWS these are services, and this page says nothing about their speed.
"""
