"""Timelines of drills that never ran."""

import dataclasses
from typing import Any

from operations.drills.timeline import Fault, Timeline


def timeline(**changes: Any) -> Timeline:
    """Five seconds; in each one three acknowledgements that took 100, 200 and 900 ms."""
    acknowledged = [second + part for second in range(5) for part in (0.2, 0.5, 0.95)]
    waits = [0.1, 0.2, 0.9] * 5
    whole = Timeline(
        drill="kill-task",
        environment="main-0a1b2c",
        commit="0123456789ab",
        moment="2026-11-26 12:00 UTC",
        seconds=5.0,
        asked=[at - wait for at, wait in zip(acknowledged, waits, strict=True)],
        acknowledged=acknowledged,
        queued=[0.5, 1.5],
        retried=[],
        archived=[4.0] * 10 + [7.5] * 7,
        faults=[Fault(what="kill -9 of a task", began=2.0, ended=3.5, until="it is replaced")],
        events=[],
        problems=[],
    )
    return dataclasses.replace(whole, **changes)
