"""Keeps what a drill has seen: `<drill>.json` and `<drill>.svg`, also of a drill that failed."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from integration_tests.audit_trail import AuditTrail
from operations.drills.acknowledgements import Stream
from operations.drills.timeline import FaultLog, Timeline

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = _ROOT / "bench" / "results" / "drills"


@dataclass(kw_only=True)
class Recording:
    """Use it as a context around a drill, after `stream` was started.

    At the end the load is stopped, if the drill has not done it, and each of `folders` gets the
    record and its plot. Everything is read and drawn then: the drill itself is not disturbed.
    """

    drill: str
    environment: str
    commit: str
    stream: Stream
    faults: FaultLog
    s3: "S3Client"
    bucket: str
    since: datetime
    folders: Sequence[Path]
    problems: list[str] = field(default_factory=list)

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.problems.append(f"{kind.__name__}: {error}")
        timeline = self._timeline(set(self.stream.stop()))
        files = [folder / f"{self.drill}.json" for folder in self.folders]
        for file in files:
            timeline.write(file)
        draw(files)

    def _timeline(self, acknowledged: set[str]) -> Timeline:
        start = self.stream.started
        moment = datetime.now(UTC) - timedelta(seconds=time.monotonic() - start)
        faults, events = self.faults.since(start)
        stopped = start if self.stream.stopped is None else self.stream.stopped

        def after(moments: Sequence[float]) -> list[float]:
            return [round(moment - start, 3) for moment in moments]

        answers = sorted(self.stream.answers, key=lambda each: each[1])
        return Timeline(
            drill=self.drill,
            environment=self.environment,
            commit=self.commit,
            moment=moment.strftime("%Y-%m-%d %H:%M UTC"),
            seconds=round(stopped - start, 3),
            asked=after([asked for asked, _ in answers]),
            acknowledged=after([answered for _, answered in answers]),
            queued=after(sorted(self.stream.queued)),
            retried=after(sorted(self.stream.retried)),
            archived=self._archived(acknowledged, after=moment),
            faults=faults,
            events=events,
            problems=self.problems,
        )

    def _archived(self, acknowledged: set[str], *, after: datetime) -> list[float]:
        trail = AuditTrail(self.s3, self.bucket, self.since)
        try:
            trail.read()
        except (BotoCoreError, ClientError) as error:
            self.problems.append(f"the plot has no audit trail: {error}")
        moments = (written for each, written in trail.written.items() if each in acknowledged)
        return sorted(round((moment - after).total_seconds(), 3) for moment in moments)


def record_folders(state: Path) -> list[Path]:
    """Where records are kept: `state`, and with RECORD=yes the results of the checkout."""
    return [state, RESULTS] if os.environ.get("RECORD") == "yes" else [state]


def draw(files: Sequence[Path]) -> None:
    """The picture beside each record. A picture that cannot be drawn fails no drill."""
    command = [sys.executable, "-m", "operations.drills.plot", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        print(f"plot: {', '.join(str(file.with_suffix('.svg')) for file in files)}")
    else:
        print(f"no plot was drawn: {done.stderr.strip()[-300:]}", file=sys.stderr)
