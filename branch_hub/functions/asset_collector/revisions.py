"""Old revisions of the service's task definition: each deployment deactivates one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from branch_hub.functions.teardown.task_definitions import FAMILY

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

CLUSTER: Final = "transaction-cluster"
# The newest ones stay, so that a person can read what was deployed.
KEPT: Final = 5
_BATCH_MAX: Final = 10


class Revisions:
    """Needs `ecs:ListTaskDefinitionFamilies`, `ListTaskDefinitions`, `DescribeTaskDefinition`,
    `DescribeServices` and `DeleteTaskDefinitions`."""

    def __init__(self, *, ecs: "ECSClient") -> None:
        self._ecs = ecs

    def inactive_since(self, limit: datetime) -> list[str]:
        """ARNs of revisions that were deactivated before `limit`, of every environment."""
        return [arn for family in self._families() for arn in self._old(family, limit)]

    def delete(self, arns: list[str]) -> None:
        for start in range(0, len(arns), _BATCH_MAX):
            self._ecs.delete_task_definitions(taskDefinitions=arns[start : start + _BATCH_MAX])

    def _families(self) -> Iterator[str]:
        """INACTIVE are the families without an active revision."""
        pages = self._ecs.get_paginator("list_task_definition_families")
        found: set[str] = set()
        for status in ("ACTIVE", "INACTIVE"):
            for page in pages.paginate(
                familyPrefix=f"{FAMILY}-",
                status=status,
            ):
                found.update(page["families"])
        yield from sorted(found)

    def _old(self, family: str, limit: datetime) -> Iterator[str]:
        pages = self._ecs.get_paginator("list_task_definitions").paginate(
            familyPrefix=family, status="INACTIVE"
        )
        arns = [arn for page in pages for arn in page["taskDefinitionArns"]]
        arns.sort(key=lambda arn: int(arn.rpartition(":")[2]))
        candidates = arns[:-KEPT]
        in_use = self._in_use(family) if candidates else set()
        for arn in candidates:
            if arn not in in_use and self._deactivated_at(arn) < limit:
                yield arn

    def _deactivated_at(self, arn: str) -> datetime:
        found = self._ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        return found.get("deregisteredAt", datetime.max.replace(tzinfo=UTC))

    def _in_use(self, family: str) -> set[str]:
        """Of the service and of its deployments: a rollback returns to one of them."""
        suffix = family.removeprefix(f"{FAMILY}-")
        try:
            answer = self._ecs.describe_services(
                cluster=f"{CLUSTER}-{suffix}", services=[f"{FAMILY}-{suffix}"]
            )
        except self._ecs.exceptions.ClusterNotFoundException:
            return set()
        return {
            each["taskDefinition"]
            for service in answer["services"]
            for each in (service, *service.get("deployments", []))
        }
