"""The account of `tests/page/world.py`, with a second branch and a run that comes to its end."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from page.settings import PageSettings
from tests.page import world as recorded
from tests.page.recorded import RecordedAccount
from tests.page.world import COMMIT, PIPELINE, RUN, SUFFIX

__all__ = ["PIPELINE", "RUN", "SUFFIX"]

BRANCH: Final = "feature/x"
OTHER_BRANCH: Final = "feature/a-long-name-of-a-branch"
OTHER_SUFFIX: Final = "feature-a-0a1b2c"
OTHER_PIPELINE: Final = f"transaction-pipeline-{OTHER_SUFFIX}"
MESSAGE: Final = (
    "BROADER PERMISSIONS (1 changes): + sqs:SendMessage on "
    "arn:aws:sqs:us-east-1:111111111111:transaction-queue-production"
)
GATE: Final = "ProductionApproval"
STAGES: Final = {
    "Source": ("Source", "CodeStarSourceConnection"),
    "Build": ("Synth", "CodeBuild"),
    GATE: ("Approval", "Manual"),
    "Production": ("Deploy", "CloudFormation"),
}
_STARTED: Final = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


def _minutes(count: float) -> datetime:
    return _STARTED + timedelta(minutes=count)


class _Unremembering(RecordedAccount):
    """What changes in the world is seen by the next request."""

    def remember(self, key: Any, read: Any, *, seconds: float | None = None) -> Any:
        return read()


@dataclass(kw_only=True)
class World:
    """What the APIs answer. `done` is how many stages of the run have succeeded."""

    done: int = 2
    asks: bool = True  # whether the run waits at the approval
    sleeping: str = ""  # since when the other branch sleeps

    def account(self, settings: PageSettings) -> RecordedAccount:
        account = recorded.environment(_Unremembering(settings))
        recorded.stacks(
            account,
            recorded.hub_stack(),
            recorded.pipeline_stack(),
            recorded.environment_stack(),
            recorded.pipeline_stack(OTHER_SUFFIX, branch=OTHER_BRANCH),
            recorded.environment_stack(OTHER_SUFFIX, branch=OTHER_BRANCH),
        )
        account.answer("codepipeline.ListPipelineExecutions", self._runs)
        account.answer("codepipeline.ListActionExecutions", self._actions)
        account.answer("codepipeline.GetPipelineState", self._state)
        recorded.declared(
            account, *(f"{stage}.{name}:{kind}" for stage, (name, kind) in STAGES.items())
        )
        account.answer("dynamodb.Scan", self._records)
        account.answer("sqs.GetQueueUrl", {"QueueUrl": "https://sqs/dead-letters"})
        account.answer("sqs.ReceiveMessage", {"Messages": []})
        return account

    def _records(self, _: dict[str, Any]) -> dict[str, Any]:
        more = {"sleeping": {"M": {"since": {"S": self.sleeping}}}} if self.sleeping else {}
        other = recorded.record(OTHER_SUFFIX, state="live", branch=OTHER_BRANCH, **more)
        return {"Items": [other, recorded.record(SUFFIX, state="live", branch=BRANCH)]}

    def _runs(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["pipelineName"] != PIPELINE:
            return {"pipelineExecutionSummaries": []}
        return {
            "pipelineExecutionSummaries": [
                {
                    "pipelineExecutionId": RUN,
                    "status": "Succeeded" if self.done == len(STAGES) else "InProgress",
                    "sourceRevisions": [
                        {
                            "actionName": "Source",
                            "revisionId": COMMIT,
                            "revisionSummary": "Accounts can be closed",
                        }
                    ],
                    "trigger": {"triggerType": "WebhookV2"},
                    "startTime": _STARTED,
                    "lastUpdateTime": _minutes(9),
                }
            ]
        }

    def _actions(self, _: dict[str, Any]) -> dict[str, Any]:
        begun = list(STAGES.items())[: self.done + 1]
        return {
            "actionExecutionDetails": [
                recorded.action(
                    f"{stage}.{name}",
                    "Succeeded" if number < self.done else "InProgress",
                    provider=provider,
                    configuration={"CustomData": MESSAGE},
                )
                for number, (stage, (name, provider)) in reversed(list(enumerate(begun)))
            ]
        }

    def _state(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["name"] != PIPELINE:
            return {"stageStates": []}
        states: list[dict[str, Any]] = []
        for number, (stage, (action, _)) in enumerate(STAGES.items()):
            if number > self.done:
                states.append({"stageName": stage, "actionStates": [{"actionName": action}]})
                continue
            status = "Succeeded" if number < self.done else "InProgress"
            latest: dict[str, Any] = {"status": status, "lastStatusChange": _minutes(number)}
            if stage == GATE and status == "InProgress" and self.asks:
                latest["token"] = RUN
            states.append(
                {
                    "stageName": stage,
                    "latestExecution": {"pipelineExecutionId": RUN, "status": status},
                    "actionStates": [{"actionName": action, "latestExecution": latest}],
                }
            )
        return {"stageStates": states}
