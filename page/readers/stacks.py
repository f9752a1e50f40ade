"""The stacks of this project, found by their tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lambda_src.shared.stack_tags import BRANCH_TAG, ENVIRONMENT_TAG, HUB_TAG
from page.account import Account
from page.cards import NotThere

_SUFFIX_OUTPUT: Final = "EnvironmentSuffix"
_GONE: Final = {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}
_PIPELINE_TYPE: Final = "AWS::CodePipeline::Pipeline"
_KEPT_SECONDS: Final = 30  # of a stack that does not change


@dataclass(frozen=True, kw_only=True)
class Stack:
    name: str
    state: str
    suffix: str  # of the environment that it belongs to; empty for a hub
    branch: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    is_hub: bool = False

    @property
    def is_environment(self) -> bool:
        return not self.is_hub and self.name == f"transaction-{self.suffix}"


def stacks(account: Account) -> list[Stack]:
    """All stacks with a tag of this project, by name."""
    return account.remember("stacks", lambda: _stacks(account))


def _stacks(account: Account) -> list[Stack]:
    found = []
    for page in account.cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
            if stack["StackStatus"] in _GONE or not {ENVIRONMENT_TAG, HUB_TAG} & tags.keys():
                continue
            found.append(
                Stack(
                    name=stack["StackName"],
                    state=stack["StackStatus"],
                    suffix=tags.get(ENVIRONMENT_TAG, ""),
                    branch=tags.get(BRANCH_TAG, ""),
                    outputs={o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
                    is_hub=HUB_TAG in tags,
                )
            )
    return sorted(found, key=lambda stack: stack.name)


def environment_stack(account: Account, suffix: str) -> Stack:
    """Raises NotThere."""
    for stack in stacks(account):
        if stack.is_environment and stack.suffix == suffix:
            return stack
    raise NotThere(f"There is no environment {suffix}: it was deleted, or is not deployed yet.")


def pipelines(account: Account) -> dict[str, Stack]:
    """By the pipeline's name: the stack that it belongs to."""
    return {
        name: stack
        for stack in stacks(account)
        if not (stack.is_environment or stack.is_hub)
        for name in resources(account, stack).get(_PIPELINE_TYPE, [])
    }


def resources(account: Account, stack: Stack) -> dict[str, list[str]]:
    """The physical ids of the stack's resources, by type."""

    def read() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        pages = account.cloudformation.get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=stack.name):
            for resource in page["StackResourceSummaries"]:
                if physical_id := resource.get("PhysicalResourceId"):
                    found.setdefault(resource["ResourceType"], []).append(physical_id)
        return found

    # With its state: while a stack is created, resources are still to come.
    return account.remember(("resources", stack.name, stack.state), read, seconds=_KEPT_SECONDS)
