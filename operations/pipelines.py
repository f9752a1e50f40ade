"""The pipeline of a branch, found by the tags of its stack."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from lambda_src.shared.branch_suffix import has_suffix
from lambda_src.shared.stack_tags import BRANCH_TAG, ENVIRONMENT_TAG

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_PIPELINE_TYPE: Final = "AWS::CodePipeline::Pipeline"
_GONE: Final = ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")


class NoPipeline(Exception):
    """No pipeline delivers the branch; the message names the branches that have one."""


def pipeline_of_branch(cloudformation: "CloudFormationClient", branch: str) -> str:
    """Return the pipeline's name. Raises NoPipeline."""
    others = set()
    for stack, tags in _stacks(cloudformation):
        suffix = tags[ENVIRONMENT_TAG]
        # A branch whose name no tag can hold is known by its suffix.
        if tags.get(BRANCH_TAG, "") != branch and (
            BRANCH_TAG in tags or not has_suffix(branch, suffix)
        ):
            others.add(tags.get(BRANCH_TAG, suffix))
            continue
        # DescribeStackResources would answer with the first 100 only.
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        for resource in (resource for page in pages for resource in page["StackResourceSummaries"]):
            if resource["ResourceType"] == _PIPELINE_TYPE:
                return resource["PhysicalResourceId"]
    known = ", ".join(sorted(others)) or "none"
    raise NoPipeline(f"BRANCH={branch!r} has no pipeline; other branches of this account: {known}")


def _stacks(cloudformation: "CloudFormationClient") -> Iterator[tuple[str, dict[str, str]]]:
    """Stacks of environments and of pipelines, with their tags."""
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
            if ENVIRONMENT_TAG in tags and stack["StackStatus"] not in _GONE:
                yield stack["StackName"], tags
