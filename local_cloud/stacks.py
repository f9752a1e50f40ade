"""What is deployed for a branch: found in the deployed definitions, never computed from names."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local_cloud.aws import AwsClients
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.executions import execution_states

_SUFFIX_TAG = "environment-suffix"
_GONE = {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}


@dataclass(frozen=True, kw_only=True)
class DeployedPipeline:
    """A deployed pipeline definition."""

    name: str
    branch: str
    application_stacks: tuple[str, ...]  # in the order of their deployment


def find_pipeline(paths: CloudPaths, branch: str) -> DeployedPipeline | None:
    """The pipeline whose source is `branch`."""
    return next((p for p in deployed_pipelines(paths) if p.branch == branch), None)


def deployed_pipelines(paths: CloudPaths) -> list[DeployedPipeline]:
    """All pipelines of this cloud, by name."""
    if not paths.pipelines.exists():
        return []
    found = []
    for file in sorted(paths.pipelines.glob("[!.]*.json")):
        definition: dict[str, Any] = json.loads(file.read_text())
        actions = [a for stage in definition["Stages"] for a in stage["Actions"]]
        source = next(a for a in actions if a["ActionTypeId"]["Category"] == "Source")
        stacks = [
            a["Configuration"]["StackName"]
            for a in actions
            if a["ActionTypeId"]["Provider"] == "CloudFormation"
        ]
        found.append(
            DeployedPipeline(
                name=file.stem,
                branch=source["Configuration"].get("BranchName", ""),
                application_stacks=tuple(dict.fromkeys(stacks)),
            )
        )
    return found


def run_of_commit(
    paths: CloudPaths, pipeline: str, *, commit: str, since: datetime, seconds: float = 0
) -> str | None:
    """The newest run of `commit` that was started after `since`; waited for, for so long."""
    deadline = time.monotonic() + seconds
    while True:
        for state in execution_states(paths.state, pipeline):
            if state["commit"] == commit and state["started"] >= since.timestamp():
                return str(state["id"])
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.2)


def outputs(aws: AwsClients, stack_name: str) -> dict[str, str]:
    """The outputs of a stack; empty when there is none of that name."""
    for stack in _live_stacks(aws):
        if stack["StackName"] == stack_name:
            return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
    return {}


def suffix_of(aws: AwsClients, stack_name: str) -> str | None:
    """The environment suffix that the stack is tagged with."""
    for stack in _live_stacks(aws):
        if stack["StackName"] == stack_name:
            tags = {t["Key"]: t["Value"] for t in stack.get("Tags", [])}
            return tags.get(_SUFFIX_TAG)
    return None


def owner_of_pipeline(aws: AwsClients, pipeline_name: str) -> str | None:
    """The stack that made the pipeline."""
    for stack in _live_stacks(aws):
        resources = aws.cloudformation.describe_stack_resources(StackName=stack["StackName"])
        for resource in resources["StackResources"]:
            if resource.get("PhysicalResourceId") == pipeline_name:
                return str(stack["StackName"])
    return None


def _live_stacks(aws: AwsClients) -> list[Any]:
    stacks = aws.cloudformation.describe_stacks()["Stacks"]
    return [s for s in stacks if s["StackStatus"] not in _GONE]
