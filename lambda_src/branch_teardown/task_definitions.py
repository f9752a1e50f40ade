"""Revisions of an environment's task definitions: deleting a stack only makes them inactive."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from lambda_src.branch_teardown.images import Image, images_in
from lambda_src.branch_teardown.names import is_named_for

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

_FAMILIES: Final = "transaction-"
_BATCH_MAX: Final = 10


class TaskDefinitions:
    """Needs `ecs:ListTaskDefinitionFamilies`, `ListTaskDefinitions`, `DescribeTaskDefinition` and
    `DeleteTaskDefinitions`."""

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
        families = self._ecs.get_paginator("list_task_definition_families")
        for page in families.paginate(familyPrefix=_FAMILIES, status="ALL"):
            for family in page["families"]:
                if is_named_for(family, suffix):
                    yield from self._of_family(family, status)

    def _of_family(self, family: str, status: str) -> Iterator[str]:
        revisions = self._ecs.get_paginator("list_task_definitions")
        for page in revisions.paginate(
            familyPrefix=family,
            status=status,  # type: ignore[arg-type]  # one of the two above
        ):
            yield from page["taskDefinitionArns"]
