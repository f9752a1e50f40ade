"""Collects the content hashes that a stack of the account and region names or is about to name."""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

HASH: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# Such a stack has change sets, but no template.
_NEVER_CREATED: Final = "REVIEW_IN_PROGRESS"


class References:
    """Needs `cloudformation:DescribeStacks`, `GetTemplate` and `ListChangeSets` on all stacks."""

    def __init__(self, *, cloudformation: "CloudFormationClient") -> None:
        self._cloudformation = cloudformation

    def hashes(self) -> set[str]:
        """Of every stack, also of other applications, with its change sets and parameters.

        Raises the errors of the service: without one template, nothing is known to be isolated.
        """
        found: set[str] = set()
        for page in self._cloudformation.get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                if stack["StackStatus"] != "DELETE_COMPLETE":
                    # Stacks of older synthesizers name their assets in parameters.
                    found.update(HASH.findall(json.dumps(stack, default=str)))
                    for text in self._templates(stack):
                        found.update(HASH.findall(text))
        return found

    def _templates(self, stack: Any) -> Iterator[str]:
        arn, name = stack["StackId"], stack["StackName"]
        try:
            if stack["StackStatus"] != _NEVER_CREATED:
                # A transform may add names to the processed template.
                yield self._template(StackName=arn, TemplateStage="Original")
                yield self._template(StackName=arn, TemplateStage="Processed")
            pages = self._cloudformation.get_paginator("list_change_sets")
            for page in pages.paginate(StackName=name):
                for change_set in page["Summaries"]:
                    yield self._template(StackName=name, ChangeSetName=change_set["ChangeSetId"])
        except ClientError as error:
            if not _was_deleted_meanwhile(error):
                raise

    def _template(self, **asked: Any) -> str:
        body = self._cloudformation.get_template(**asked).get("TemplateBody", "")
        return body if isinstance(body, str) else json.dumps(body)


def _was_deleted_meanwhile(error: ClientError) -> bool:
    said = error.response["Error"]
    return said["Code"] == "ValidationError" and "does not exist" in said["Message"]
