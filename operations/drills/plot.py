"""Draws the record of a drill: `python -m operations.drills.plot <drill>.json ...`.

A program of its own, so that a drill does not import matplotlib while it runs.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.charts import Curves, Line, Span
from bench.drawing import svg
from operations.drills.per_second import (
    Latency,
    counts,
    latencies,
    load_seconds,
    waiting_for_archive,
)
from operations.drills.timeline import Fault, RecordBroken, Timeline

_X = "seconds since the load began"


def picture(timeline: Timeline) -> str:
    """Three charts over one time: rates, latency, and what the audit bucket does not have yet."""
    spans = [
        Span(begin=fault.began, end=fault.ended, label=_words(fault)) for fault in timeline.faults
    ]
    moments = {f"{event.what}: at {event.at:.1f} s": event.at for event in timeline.events}
    waiting = waiting_for_archive(timeline)
    x_end = float(max(len(waiting), load_seconds(timeline)))
    return svg(
        [
            Curves(
                title=f"{timeline.drill}: transactions in each second",
                x_label=_X,
                y_label="per second",
                lines=_rates(timeline),
                x_end=x_end,
                spans=spans,
                moments=moments,
            ),
            Curves(
                title="Time from the first request to the acknowledgement",
                x_label=f"{_X}, at the acknowledgement; a gap: nothing was acknowledged",
                y_label="milliseconds",
                lines=_percentiles(latencies(timeline)),
                x_end=x_end,
                spans=spans,
                moments=moments,
                explains_marks=False,
                logarithmic=True,
            ),
            Curves(
                title="Lag of the audit trail: acknowledged, not yet in the audit bucket",
                x_label=f"{_X}; it ends when everything is in the bucket",
                y_label="transactions",
                lines=[
                    Line(
                        name="not yet in the bucket",
                        points=_points(waiting),
                        steps=True,
                    )
                ],
                x_end=x_end,
                spans=spans,
                moments=moments,
                explains_marks=False,
            ),
        ],
        footer=_footer(timeline),
    )


def main(arguments: Sequence[str]) -> int:
    for name in arguments:
        file = Path(name)
        try:
            file.with_suffix(".svg").write_text(picture(Timeline.read(file)))
        except RecordBroken as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _rates(timeline: Timeline) -> list[Line]:
    seconds = load_seconds(timeline)
    lines = {
        "acknowledged by the API": timeline.acknowledged,
        "taken by the queue": timeline.queued,
        "failed and sent again": timeline.retried,
    }
    return [
        Line(
            name=name,
            points=_points(counts(moments, seconds=seconds)),
            steps=True,
            colour=colour,
        )
        for colour, (name, moments) in enumerate(lines.items())
        if moments or moments is timeline.acknowledged
    ]


def _percentiles(found: Sequence[Latency | None]) -> list[Line]:
    values = {
        "p50": [each.p50_ms if each else None for each in found],
        "p99": [each.p99_ms if each else None for each in found],
        "longest": [each.max_ms if each else None for each in found],
    }
    return [Line(name=name, points=_points(each), steps=True) for name, each in values.items()]


def _points(values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    """Each value holds for its second, the last one, too."""
    return list(enumerate([*values, values[-1]]))


def _words(fault: Fault) -> str:
    if fault.ended is None:
        return f"{fault.what}: from {fault.began:.1f} s on"
    return f"{fault.what}: {fault.began:.1f} to {fault.ended:.1f} s, until {fault.until}"


def _footer(timeline: Timeline) -> str:
    result = f"FAILED: {timeline.problems[0]}" if timeline.problems else "nothing lost or doubled"
    sent = len(timeline.acknowledged) + len(timeline.queued)
    return (
        f"Environment {timeline.environment}, commit {timeline.commit}, {timeline.moment}; "
        f"{sent:,} acknowledged, {len(timeline.retried):,} sent again.\n{result[:200]}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
