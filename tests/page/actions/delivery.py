"""An account with one branch whose pipeline waits for an approval."""

from dataclasses import dataclass
from typing import Any

from page.settings import PageSettings
from tests.page.recorded import RecordedAccount
from tests.page.world import NOW, action, pipeline_stack

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

    def account(self, settings: PageSettings) -> RecordedAccount:
        account = RecordedAccount(settings)
        account.answer("cloudformation.DescribeStacks", self._stacks)
        account.answer("cloudformation.ListStackResources", self._resources)
        account.answer("codepipeline.GetPipelineState", self._state)
        account.answer("codepipeline.ListActionExecutions", self._actions)
        return account

    def _stacks(self, _: dict[str, Any]) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        return {"Stacks": [pipeline_stack("main-v4grq1", branch=self.branch)]}

    def _resources(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": "Pipeline",
                    "ResourceType": "AWS::CodePipeline::Pipeline",
                    "PhysicalResourceId": PIPELINE,
                    "LastUpdatedTimestamp": NOW,
                    "ResourceStatus": "CREATE_COMPLETE",
                }
            ]
        }

    def _state(self, _: dict[str, Any]) -> dict[str, Any]:
        latest = {"status": "InProgress", **({"token": "t"} if self.waiting else {})}
        return {
            "stageStates": [
                {
                    "stageName": "ProductionApproval",
                    "latestExecution": {
                        "pipelineExecutionId": self.waiting or RUN,
                        "status": "InProgress",
                    },
                    "actionStates": [{"actionName": "Approval", "latestExecution": latest}],
                }
            ]
        }

    def _actions(self, _: dict[str, Any]) -> dict[str, Any]:
        asked = action(
            "ProductionApproval.Approval",
            "InProgress",
            provider="Manual",
            configuration={"CustomData": MESSAGE},
        )
        return {"actionExecutionDetails": [asked]}
