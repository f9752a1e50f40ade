"""The newest runs of all pipelines, each with its stages if it is its pipeline's newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from page.account import Account
from page.cards import Subject
from page.readers.runs import Run, Stage, runs_of, stages_of
from page.readers.stacks import pipelines

_SHOWN_MAX: Final = 12
_WITH_STAGES_MAX: Final = 8  # each costs a call
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, kw_only=True)
class RecentRun:
    run: Run
    branch: str
    stages: Sequence[Stage]  # of an older run: empty


def recent_runs(account: Account, _: Subject) -> list[RecentRun]:
    """Newest first."""
    branch_of = {name: stack.branch for name, stack in pipelines(account).items()}
    runs = [run for pipeline in branch_of for run in runs_of(account, pipeline)]
    runs.sort(key=lambda run: run.started or _EPOCH, reverse=True)
    newest: set[str] = set()
    found = []
    for run in runs[:_SHOWN_MAX]:
        is_newest = run.pipeline not in newest and len(newest) < _WITH_STAGES_MAX
        newest.add(run.pipeline)
        has_stages = is_newest or run.is_live
        stages = stages_of(account, run.pipeline, run.id) if has_stages else []
        found.append(RecentRun(run=run, branch=branch_of[run.pipeline], stages=stages))
    return found
