"""Revisions of task definitions: deleting a stack only deactivates them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from branch_hub.functions.teardown.images import Image, images_in

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

FAMILY: Final = "transaction-service"
_BATCH_MAX: Final = 10


class TaskDefinitions:
    """Needs `ecs:ListTaskDefinitions`, `DescribeTaskDefinition` and `DeleteTaskDefinitions`."""

    def __init__(self, *, ecs: "ECSClient") -> None:
        self._ecs = ecs

    def images_of(self, suffix: str) -> set[Image]:
        found = set()
        for status in ("ACTIVE", "INACTIVE"):
            for arn in self._revisions(suffix, status):
                answer = self._ecs.describe_task_definition(taskDefinition=arn)
                for container in answer["taskDefinition"].get("containerDefinitions", []):
                    found |= images_in(container.get("image", ""))
        return found

    def delete_inactive(self, suffix: str) -> Iterator[str]:
        arns = list(self._revisions(suffix, "INACTIVE"))
        for start in range(0, len(arns), _BATCH_MAX):
            batch = arns[start : start + _BATCH_MAX]
            self._ecs.delete_task_definitions(taskDefinitions=batch)
            for arn in batch:
                yield f"task definition {arn.rpartition('/')[2]}"

    def _revisions(self, suffix: str, status: str) -> Iterator[str]:
        revisions = self._ecs.get_paginator("list_task_definitions")
        for page in revisions.paginate(
            familyPrefix=f"{FAMILY}-{suffix}",
            status=status,  # type: ignore[arg-type]  # one of ECS's own
        ):
            yield from page["taskDefinitionArns"]
