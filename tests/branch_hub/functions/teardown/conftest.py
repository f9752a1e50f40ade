"""The teardown over a real account; CodePipeline is a stub where a test needs runs."""

from typing import Any

import pytest
from botocore.stub import Stubber

from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.functions.teardown.requests import Teardown
from tests.account import Account
from tests.aws_stubs import type_of_aws
from tests.branch_hub.git_server import REPOSITORY


class Site:
    """One environment to tear down, and the teardown."""

    def __init__(self, account: Account, codepipeline: Any, pipeline_calls: Stubber) -> None:
        self.account = account
        self.codepipeline, self.pipeline_calls = codepipeline, pipeline_calls
        self.suffix = f"{account.name('site')}-0a1b2c"
        self.teardown = Teardown(
            trunk="main",
            stacks=StackFinder(
                cloudformation=account.client("cloudformation"), repository=REPOSITORY
            ),
            clients=lambda service: (
                self.codepipeline if service == "codepipeline" else account.client(service)
            ),
        )

    @property
    def stack(self) -> str:
        return f"transaction-{self.suffix}"

    @property
    def pipeline(self) -> str:
        return f"transaction-pipeline-{self.suffix}"

    def without_runs(self) -> None:
        """Use the account, which has no pipeline."""
        self.codepipeline = self.account.client("codepipeline")

    def ask(self, action: str, **fields: Any) -> dict[str, Any]:
        return self.teardown.carry_out({"action": action, "suffix": self.suffix, **fields})

    def runs(self, *statuses: str, pipeline: str | None = None) -> None:
        """Stub the next answer of CodePipeline to a list of runs."""
        answer = {
            "pipelineExecutionSummaries": [
                {"pipelineExecutionId": f"run-{number}", "status": status}
                for number, status in enumerate(statuses)
            ]
        }
        asked = {"pipelineName": pipeline or self.pipeline}
        self.pipeline_calls.add_response("list_pipeline_executions", answer, asked)

    def stopped(self, run: str, *, force: bool, error: str | None = None) -> None:
        """Stub the next stop of a run, and CodePipeline's answer to it."""
        asked: dict[str, Any] = {
            "pipelineName": self.pipeline,
            "pipelineExecutionId": run,
            "abandon": force,
            "reason": "the environment is being deleted",
        }
        word = "stop_pipeline_execution"
        if error is None:
            self.pipeline_calls.add_response(word, {"pipelineExecutionId": run}, asked)
        else:
            self.pipeline_calls.add_client_error(word, error, expected_params=asked)


@pytest.fixture
def site(account: Account, aws: type_of_aws) -> Site:
    return Site(account, *aws("codepipeline"))
