"""What a soak has done, second by second: the record of its plot."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from local_cloud.paths import CloudPaths, state_dir
from soak.database import LedgerDatabase
from soak.outside_log import OutsideLog
from soak.plan import Faults

_PERIOD_SECONDS: Final = 1.0
_RECORDED_SQL: Final = "SELECT count(*) FROM ledger.transactions"


@dataclass(kw_only=True)
class History:
    """Sums at each of `seconds`. Looks past every proxy, so that no fault reaches it."""

    log: OutsideLog
    faults: Faults
    database: LedgerDatabase
    seconds: list[float] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)  # faults
    sent: list[int] = field(default_factory=list)  # acknowledged by the queue or by the API
    recorded: list[int] = field(default_factory=list)  # posted or refused, in the ledger
    faults_ended: float = 0.0

    def run(self, stopped: threading.Event) -> None:
        started = time.monotonic()
        with self.database.connection() as connection:
            while not stopped.wait(_PERIOD_SECONDS):
                # What was sent first: the ledger never seems to have more than that.
                self.sent.append(len(self.log.messages) + len(self.log.answers))
                self.applied.append(sum(self.faults.counts()[1].values()))
                [[recorded]] = connection.run(_RECORDED_SQL)
                self.recorded.append(recorded)
                self.seconds.append(round(time.monotonic() - started, 3))

    def notes_the_end_of_faults(self) -> None:
        self.faults_ended = self.seconds[-1] if self.seconds else 0.0

    def record(self, *, run: str, problems: Sequence[str]) -> Mapping[str, Any]:
        """The fields of `bench/pictures/soak.py`."""
        return {
            "run": run,
            "seconds": self.seconds,
            "faults": self.applied,
            "sent": self.sent,
            "recorded": self.recorded,
            "faults_ended": self.faults_ended,
            "problems": [*problems],
        }


def keep(record: Mapping[str, Any]) -> None:
    """The record and its plot, beside those of the last drills. A missing plot fails no soak."""
    file = CloudPaths(state_dir()).drills / "soak.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(record) + "\n")
    command = [sys.executable, "-m", "bench.pictures.soak", str(file.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    drawn = done.returncode == 0
    print(f"plot: {file.with_suffix('.svg')}" if drawn else f"no plot: {done.stderr[-300:]}")
