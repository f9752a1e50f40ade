"""What a drain has shown: a page, a picture, and the part that limits it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.pictures.drain import DRAIN, Drain
from bench.pictures.record import RESULTS
from bench.run_description import as_plain_text, described

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
    (RESULTS / "drain.md").write_text(_page(drained))
    DRAIN.write(
        Drain(
            run=as_plain_text("make bench-drain"),
            seconds=[round(each.seconds, 3) for each in drained.samples],
            sent=[each.sent for each in drained.samples],
            posted=[each.posted for each in drained.samples],
            audited=[each.audited for each in drained.samples],
        )
    )


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
