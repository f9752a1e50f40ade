"""The pages of cards, and which cards each has."""

from collections.abc import Sequence
from typing import Final

from page.buttons import Place
from page.card_page import CardPage
from page.cards import Card
from page.readers.alarms import alarms
from page.readers.audit import verification
from page.readers.branches import PricedBranch, priced_branches
from page.readers.databases import databases
from page.readers.dead_letters import dead_letters
from page.readers.environment import environment
from page.readers.logs import Log, log
from page.readers.pipeline_state import StageState, pipeline_state
from page.readers.queues import queues
from page.readers.recent import RecentRun, recent_runs
from page.readers.run import RunWithStages, run_with_stages
from page.readers.runs import Run, runs_of
from page.readers.tasks import Tasks, tasks


def _any_runs(found: Sequence[RecentRun]) -> bool:
    return any(recent.run.is_live for recent in found)


def _is_deployed(found: Sequence[PricedBranch]) -> bool:
    return any(priced.branch.changes for priced in found)


def _is_started(found: Sequence[StageState]) -> bool:
    return any(stage.state == "InProgress" for stage in found)


def _has_live_run(found: Sequence[Run]) -> bool:
    return any(run.is_live for run in found)


def _runs(found: RunWithStages) -> bool:
    return found.run.is_live


def _grows(found: Log) -> bool:
    return found.action is not None and found.action.state == "InProgress"


def _starts(found: Tasks) -> bool:
    return found.running != found.wanted


HOME: Final = CardPage(
    path="/",
    title=lambda _: "Branches and runs",
    place=lambda _: Place(kind="home"),
    cards=(
        Card(name="runs", title="Newest runs", read=recent_runs, is_live=_any_runs, is_wide=True),
        Card(
            name="branches",
            title="Branches",
            read=priced_branches,
            is_live=_is_deployed,
            is_wide=True,
        ),
    ),
)
PIPELINE: Final = CardPage(
    path="/pipelines/{pipeline}",
    title=lambda subject: f"Pipeline {subject['pipeline']}",
    place=lambda subject: Place(kind="pipeline", pipeline=subject["pipeline"]),
    cards=(
        Card(name="stages", title="Stages", read=pipeline_state, is_live=_is_started, is_wide=True),
        Card(
            name="history",
            title="Runs",
            read=lambda account, subject: runs_of(account, subject["pipeline"]),
            is_live=_has_live_run,
            is_wide=True,
        ),
    ),
)
RUN: Final = CardPage(
    path="/runs/{pipeline}/{execution}",
    title=lambda subject: f"Run {subject['execution'][:8]}",
    place=lambda subject: Place(
        kind="run", pipeline=subject["pipeline"], execution=subject["execution"]
    ),
    options=("action",),
    cards=(
        Card(name="run", title="Stages", read=run_with_stages, is_live=_runs, is_wide=True),
        Card(name="log", title="Log", read=log, is_live=_grows, is_wide=True),
    ),
)
ENVIRONMENT: Final = CardPage(
    path="/environments/{suffix}",
    title=lambda subject: f"Environment {subject['suffix']}",
    place=lambda subject: Place(kind="environment", suffix=subject["suffix"]),
    cards=(
        Card(name="environment", title="Environment", read=environment, is_wide=True),
        Card(name="tasks", title="Tasks by zone", read=tasks, is_live=_starts),
        Card(name="databases", title="Databases", read=databases),
        Card(name="queues", title="Queues", read=queues),
        Card(name="alarms", title="Alarms that are on", read=alarms),
        Card(name="audit", title="Last verification of the audit trail", read=verification),
        Card(
            name="dead_letters",
            title="Dead letters by reason",
            read=dead_letters,
            is_on_demand=True,
        ),
    ),
)

CARD_PAGES: Final = (HOME, PIPELINE, RUN, ENVIRONMENT)
