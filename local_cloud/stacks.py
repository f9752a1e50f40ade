"""Finds a branch's stacks and pipeline among the deployed ones, without computing names."""

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
    deploy_actions: dict[str, tuple[str, ...]]  # by stack, in the order of their deployment

    @property
    def application_stacks(self) -> tuple[str, ...]:
        """In the order of their deployment."""
        return tuple(self.deploy_actions)


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
        deploying: dict[str, list[str]] = {}
        for action in actions:
            if action["ActionTypeId"]["Provider"] == "CloudFormation":
                stack = action["Configuration"]["StackName"]
                deploying.setdefault(stack, []).append(action["Name"])
        found.append(
            DeployedPipeline(
                name=file.stem,
                branch=source["Configuration"].get("BranchName", ""),
                deploy_actions={stack: tuple(names) for stack, names in deploying.items()},
            )
        )
    return found


def run_of_commit(
    paths: CloudPaths, pipeline: str, *, commit: str, since: datetime, seconds: float = 0
) -> str | None:
    """The newest run of `commit` that started after `since`; waits up to `seconds` for it."""
    deadline = time.monotonic() + seconds
    while True:
        for state in execution_states(paths.state, pipeline):
            if state["commit"] == commit and state["started"] >= since.timestamp():
                return str(state["id"])
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.2)


def suffix_of(aws: AwsClients, stack_name: str) -> str | None:
    """The environment suffix that the stack is tagged with."""
    for stack in live_stacks(aws):
        if stack["StackName"] == stack_name:
            return tags_of(stack).get(_SUFFIX_TAG)
    return None


def owner_of_pipeline(aws: AwsClients, pipeline_name: str) -> str | None:
    """The stack that the pipeline belongs to."""
    for stack in live_stacks(aws):
        resources = aws.cloudformation.describe_stack_resources(StackName=stack["StackName"])
        for resource in resources["StackResources"]:
            if resource.get("PhysicalResourceId") == pipeline_name:
                return str(stack["StackName"])
    return None


def live_stacks(aws: AwsClients) -> list[Any]:
    """The descriptions of all existing stacks."""
    pages = aws.cloudformation.get_paginator("describe_stacks").paginate()
    return [s for page in pages for s in page["Stacks"] if s["StackStatus"] not in _GONE]


def outputs_of(stack: Any) -> dict[str, str]:
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}


def tags_of(stack: Any) -> dict[str, str]:
    return {t["Key"]: t["Value"] for t in stack.get("Tags", [])}
