"""One run with its stages, as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from page.account import Account
from page.cards import Subject
from page.readers.runs import Run, Stage, run_of, stages_of


@dataclass(frozen=True, kw_only=True)
class RunWithStages:
    run: Run
    stages: Sequence[Stage]


def run_with_stages(account: Account, subject: Subject) -> RunWithStages:
    """Raises NotThere."""
    run = run_of(account, subject["pipeline"], subject["execution"])
    return RunWithStages(run=run, stages=stages_of(account, run.pipeline, run.id))
