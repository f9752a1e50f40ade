"""The branch hubs of an account, found by the tag of their stacks."""

from typing import TYPE_CHECKING

from lambda_src.shared.stack_tags import HUB_TAG

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def hub_outputs(cloudformation: "CloudFormationClient") -> dict[str, dict[str, str]]:
    """Return the stack outputs of each hub, by the hub's suffix."""
    found = {}
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
            if HUB_TAG in tags and stack["StackStatus"] != "DELETE_COMPLETE":
                outputs = stack.get("Outputs", [])
                found[tags[HUB_TAG]] = {o["OutputKey"]: o["OutputValue"] for o in outputs}
    return found
