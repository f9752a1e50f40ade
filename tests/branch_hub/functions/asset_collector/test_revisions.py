"""Old revisions of task definitions are deleted; those in use and the newest ones stay."""

from datetime import UTC, datetime, timedelta

import pytest

from branch_hub.functions.asset_collector.revisions import KEPT, Revisions
from tests.account import Account


def register(account: Account, suffix: str, count: int) -> list[str]:
    ecs, arns = account.client("ecs"), []
    for _ in range(count):
        answer = ecs.register_task_definition(
            family=f"transaction-service-{suffix}",
            containerDefinitions=[{"name": "app", "image": "app"}],
        )
        arns.append(str(answer["taskDefinition"]["taskDefinitionArn"]))
    return arns


def later(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


@pytest.fixture
def revisions(account: Account) -> Revisions:
    return Revisions(ecs=account.client("ecs"))


def test_old_inactive_revisions_are_deleted_except_the_newest(
    account: Account, revisions: Revisions
) -> None:
    ecs, suffix = account.client("ecs"), account.name("production")
    arns = register(account, suffix, KEPT + 13)  # more than one call deletes
    for arn in arns[:-1]:
        ecs.deregister_task_definition(taskDefinition=arn)

    old = [arn for arn in revisions.inactive_since(later(1)) if f"-{suffix}:" in arn]
    revisions.delete(old)

    left = ecs.list_task_definitions(
        familyPrefix=f"transaction-service-{suffix}", status="INACTIVE"
    )["taskDefinitionArns"]
    assert old == arns[:12]
    assert sorted(left) == sorted(arns[12:-1])


def test_a_revision_that_was_deactivated_lately_stays(
    account: Account, revisions: Revisions
) -> None:
    suffix = account.name("production")
    for arn in register(account, suffix, KEPT + 1):
        account.client("ecs").deregister_task_definition(taskDefinition=arn)

    assert not [arn for arn in revisions.inactive_since(later(-30)) if f"-{suffix}:" in arn]


def test_a_revision_that_the_service_uses_stays(account: Account, revisions: Revisions) -> None:
    ecs, suffix = account.client("ecs"), account.name("production")
    arns = register(account, suffix, KEPT + 2)
    ecs.create_cluster(clusterName=f"transaction-cluster-{suffix}")
    ecs.create_service(
        cluster=f"transaction-cluster-{suffix}",
        serviceName=f"transaction-service-{suffix}",
        taskDefinition=arns[0],
        desiredCount=0,
    )
    for arn in arns:
        ecs.deregister_task_definition(taskDefinition=arn)

    assert [a for a in revisions.inactive_since(later(1)) if f"-{suffix}:" in a] == [arns[1]]
