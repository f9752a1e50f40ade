"""The teardown over a real account; CodePipeline, which the emulator has not, is a stub."""

from typing import Any

import pytest
from botocore.stub import Stubber

from lambda_src.branch_teardown.requests import Teardown
from lambda_src.branches.stacks import StackFinder
from tests.lambda_src.account import Account
from tests.lambda_src.conftest import type_of_aws
from tests.lambda_src.git_server import REPOSITORY


class Site:
    """One environment to tear down, and the teardown."""

    def __init__(self, account: Account, codepipeline: Any, pipeline_calls: Stubber) -> None:
        self.account = account
        self.pipeline_calls = pipeline_calls
        self.suffix = f"{account.name('site')}-0a1b2c"
        self.teardown = Teardown(
            trunk="main",
            stacks=StackFinder(
                cloudformation=account.client("cloudformation"), repository=REPOSITORY
            ),
            clients=lambda service: (
                codepipeline if service == "codepipeline" else account.client(service)
            ),
        )

    @property
    def stack(self) -> str:
        return f"transaction-{self.suffix}"

    @property
    def pipeline(self) -> str:
        return f"transaction-pipeline-{self.suffix}"

    def ask(self, action: str, **fields: Any) -> dict[str, Any]:
        return self.teardown.carry_out({"action": action, "suffix": self.suffix, **fields})

    def runs(self, *statuses: str, pipeline: str | None = None) -> None:
        """What CodePipeline answers next, when it is asked for runs."""
        answer = {
            "pipelineExecutionSummaries": [
                {"pipelineExecutionId": f"run-{number}", "status": status}
                for number, status in enumerate(statuses)
            ]
        }
        asked = {"pipelineName": pipeline or self.pipeline}
        self.pipeline_calls.add_response("list_pipeline_executions", answer, asked)


@pytest.fixture
def site(account: Account, aws: type_of_aws) -> Site:
    return Site(account, *aws("codepipeline"))
