"""Deletes a stack; called repeatedly until it is gone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from branch_hub.functions.shared.guard import NotOurs
from branch_hub.functions.shared.stacks import DeployedStack, StackFinder

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef


class Deletion:
    """Needs `cloudformation:DescribeStacks`, `DeleteStack` and `ListStackResources`.

    CloudFormation deletes with the role with which it created the stack.
    """

    def __init__(self, *, cloudformation: "CloudFormationClient", stacks: StackFinder) -> None:
        self._cloudformation = cloudformation
        self._stacks = stacks

    def step(self, name: str, suffix: str) -> dict[str, Any]:
        """`gone`, `deleting`, `busy` with another change, or `failed`: then call `unblock`.

        Raises NotOurs.
        """
        stack = self.ours(name, suffix)
        if stack is None:
            return _answer("gone")
        if stack.is_half_deleted:
            return _answer("failed", [_reason(r) for r in self.blocking(stack)])
        if stack.status == "DELETE_IN_PROGRESS":
            return _answer("deleting")
        if stack.is_in_progress:
            return _answer("busy")
        self.delete(stack)
        return _answer("deleting")

    def delete(self, stack: DeployedStack) -> None:
        # By ARN: a new stack of the same name is another one.
        self._cloudformation.delete_stack(StackName=stack.arn)

    def ours(self, name: str, suffix: str) -> DeployedStack | None:
        """None: no stack has that name. Raises NotOurs."""
        stack = self._stacks.named(name)
        if stack is None:
            return None
        reason = self._stacks.why_not_ours(stack, suffix)
        if reason is None and stack.is_termination_protected:
            reason = "has termination protection"
        if reason is not None:
            raise NotOurs(f"{name} {reason}")
        return stack

    def blocking(self, stack: DeployedStack) -> Iterator["StackResourceSummaryTypeDef"]:
        """Resources that could not be deleted, over all pages."""
        pages = self._cloudformation.get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=stack.arn):
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceStatus"] == "DELETE_FAILED":
                    yield resource


def _answer(state: str, blocked_by: list[str] | None = None) -> dict[str, Any]:
    return {"state": state, "blocked_by": blocked_by or []}


def _reason(resource: "StackResourceSummaryTypeDef") -> str:
    reason = resource.get("ResourceStatusReason", "no reason given")
    return f"{resource['LogicalResourceId']} ({resource['ResourceType']}): {reason}"
