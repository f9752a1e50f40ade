"""An account with one branch whose pipeline waits for an approval."""

from dataclasses import dataclass, field
from typing import Any

from page.settings import PageSettings
from tests.page.answers import AnsweringAccount, Answers

BRANCH = "main"
PIPELINE = "transaction-pipeline-main-v4grq1"
RUN = "5f0c5b4e-1111-4222-8333-444455556666"
NEWER_RUN = "6a0c5b4e-1111-4222-8333-444455556666"
MESSAGE = "BROADER PERMISSIONS (1 changes): + sqs:*"


@dataclass(kw_only=True)
class Delivery:
    """`waiting` is the run that waits; empty: none does."""

    waiting: str = RUN
    branch: str = BRANCH
    failure: Exception | None = None
    stack: dict[str, Any] = field(default_factory=dict)

    def account(self, settings: PageSettings) -> AnsweringAccount:
        return AnsweringAccount(
            settings,
            cloudformation=Answers(
                describe_stacks=self._stacks, list_stack_resources=self._resources
            ),
            codepipeline=Answers(
                get_pipeline_state=self._state, list_action_executions=self._actions
            ),
        )

    def _stacks(self) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        tags = {"branch": self.branch, "environment-suffix": "main-v4grq1"}
        return {
            "Stacks": [
                {
                    "StackName": "DeliveryPipeline-main-v4grq1",
                    "StackStatus": "UPDATE_COMPLETE",
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                }
            ]
        }

    def _resources(self, **_: str) -> dict[str, Any]:
        resource = {"ResourceType": "AWS::CodePipeline::Pipeline", "PhysicalResourceId": PIPELINE}
        return {"StackResourceSummaries": [resource]}

    def _state(self, **_: str) -> dict[str, Any]:
        latest = {"status": "InProgress", **({"token": "t"} if self.waiting else {})}
        return {
            "stageStates": [
                {
                    "stageName": "ProductionApproval",
                    "latestExecution": {"pipelineExecutionId": self.waiting},
                    "actionStates": [{"actionName": "Approval", "latestExecution": latest}],
                }
            ]
        }

    def _actions(self, **_: Any) -> dict[str, Any]:
        return {
            "actionExecutionDetails": [
                {
                    "stageName": "ProductionApproval",
                    "actionName": "Approval",
                    "status": "InProgress",
                    "input": {"resolvedConfiguration": {"CustomData": MESSAGE}},
                }
            ]
        }
