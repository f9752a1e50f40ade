"""A drill's timeline in steps of one second."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from operations.drills.timeline import Timeline

_LAG_SECONDS_MAX: Final = 600  # of the audit trail, after the load


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Of the transactions that were acknowledged in one second, in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float


def counts(moments: Sequence[float], *, seconds: int) -> list[int]:
    """How many there are in each second; those after the last second are not counted."""
    found = [0] * seconds
    for moment in moments:
        if moment < seconds:
            found[math.floor(moment)] += 1
    return found


def latencies(timeline: Timeline) -> list[Latency | None]:
    """None: in this second nothing was acknowledged."""
    waits: list[list[float]] = [[] for _ in range(load_seconds(timeline))]
    for asked, acknowledged in zip(timeline.asked, timeline.acknowledged, strict=True):
        if acknowledged < len(waits):
            waits[math.floor(acknowledged)].append(1000 * (acknowledged - asked))
    return [_latency(sorted(each)) if each else None for each in waits]


def waiting_for_archive(timeline: Timeline) -> list[int]:
    """At each second's end: acknowledged, by API or queue, and not yet in the audit bucket.

    It continues after the load until everything has arrived.
    """
    moments = [*timeline.acknowledged, *timeline.queued]
    last = max([timeline.seconds, *moments, *timeline.archived])
    seconds = min(math.floor(last) + 1, load_seconds(timeline) + _LAG_SECONDS_MAX)
    # The bucket's clock may be behind: nothing was there before the load began.
    archived = [max(0.0, moment) for moment in timeline.archived]
    arrived = accumulate(counts(archived, seconds=seconds))
    sent = accumulate(counts(moments, seconds=seconds))
    return [max(0, total - found) for total, found in zip(sent, arrived, strict=True)]


def load_seconds(timeline: Timeline) -> int:
    """Whole ones: a last second that is cut short would look like a drop."""
    return max(1, math.floor(timeline.seconds))


def _latency(waits: Sequence[float]) -> Latency:
    return Latency(p50_ms=_at(waits, 0.5), p99_ms=_at(waits, 0.99), max_ms=waits[-1])


def _at(ordered: Sequence[float], share: float) -> float:
    """The smallest value that this share of all values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
