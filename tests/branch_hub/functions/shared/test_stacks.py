"""S8, B2: a stack belongs to an environment by its tags and its name, or not at all."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from branch_hub.functions.shared.stacks import DeployedStack, Environment, StackFinder
from tests.account import Account, tags_of
from tests.aws_stubs import type_of_aws
from tests.branch_hub.git_server import REPOSITORY

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)


@pytest.fixture
def finder(account: Account) -> StackFinder:
    return StackFinder(cloudformation=account.client("cloudformation"), repository=REPOSITORY)


def described(name: str, status: str = "CREATE_COMPLETE", **more: Any) -> dict[str, Any]:
    return {"StackName": name, "StackId": f"arn:{name}", "CreationTime": NOW} | {
        "StackStatus": status,
        **more,
    }


def stack(status: str, **more: Any) -> DeployedStack:
    return DeployedStack(
        **{
            "name": "transaction-a",
            "arn": "arn:a",
            "status": status,
            "tags": {},
            "changed_at": NOW,
            "is_termination_protected": False,
            **more,
        }
    )


def names(environment: Environment) -> list[str]:
    return [found.name for found in environment.stacks]


def test_s8_an_environment_is_found_in_the_order_of_its_deletion(
    account: Account, finder: StackFinder
) -> None:
    suffix = f"{account.name('found')}-0a1b2c"
    account.deploy_environment(suffix)
    expected = [f"transaction-{suffix}", f"DeliveryPipeline-{suffix}"]

    assert names(finder.environment(suffix)) == expected
    assert names(finder.environments()[suffix]) == expected
    assert finder.environment(suffix).foreign_stacks == ()


def test_s8_nothing_deployed_is_an_environment_without_stacks(finder: StackFinder) -> None:
    nothing = finder.environment("nobody-0a1b2c")

    assert nothing == Environment(suffix="nobody-0a1b2c")
    assert nothing.changed_at is None


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"application": "transaction-pipeline"},
        {"environment-suffix": "@"},
        {"application": "another", "environment-suffix": "@"},
        {"application": "transaction-pipeline", "environment-suffix": "other-0a1b2c"},
    ],
)
def test_b2_a_stack_with_the_name_and_without_the_tags_is_foreign(
    account: Account, finder: StackFinder, tags: dict[str, str]
) -> None:
    suffix = f"{account.name('named')}-0a1b2c"
    name = f"transaction-{suffix}"
    account.deploy(name, tags={k: v.replace("@", suffix) for k, v in tags.items()})

    for environment in (finder.environment(suffix), finder.environments()[suffix]):
        assert environment.stacks == ()
        assert environment.foreign_stacks == (
            f"{name} is named like a stack of {suffix} and has not its tags",
        )


def test_b2_a_stack_with_the_tags_and_without_the_name_is_foreign(
    account: Account, finder: StackFinder
) -> None:
    suffix = f"{account.name('tagged')}-0a1b2c"
    account.deploy(f"experiment-{suffix}", tags=tags_of(suffix))

    environment = finder.environments()[suffix]

    assert environment.stacks == ()
    assert f"experiment-{suffix} has the tags of {suffix}" in environment.foreign_stacks[0]


def test_b2_a_stack_of_another_repository_is_foreign(account: Account, finder: StackFinder) -> None:
    suffix = f"{account.name('forked')}-0a1b2c"
    account.deploy(f"transaction-{suffix}", tags={**tags_of(suffix), "repository": "fork/app"})
    account.deploy(f"DeliveryPipeline-{suffix}", tags={**tags_of(suffix), "repository": REPOSITORY})

    environment = finder.environment(suffix)

    assert names(environment) == [f"DeliveryPipeline-{suffix}"]
    assert environment.foreign_stacks == (f"transaction-{suffix} belongs to repository fork/app",)


def test_b2_every_page_of_stacks_is_read(aws: type_of_aws) -> None:
    cloudformation, stub = aws("cloudformation")
    finder = StackFinder(cloudformation=cloudformation, repository=REPOSITORY)
    tags = [{"Key": key, "Value": value} for key, value in tags_of("a-0a1b2c").items()]
    pages: tuple[tuple[dict[str, str], dict[str, Any]], ...] = (
        ({}, {"Stacks": [described("transaction-a-0a1b2c", Tags=tags)], "NextToken": "2"}),
        ({"NextToken": "2"}, {"Stacks": [], "NextToken": "3"}),
        ({"NextToken": "3"}, {"Stacks": [described("DeliveryPipeline-a-0a1b2c", Tags=tags)]}),
    )
    for asked, page in pages:
        stub.add_response("describe_stacks", page, asked)

    assert len(finder.environments()["a-0a1b2c"].stacks) == 2


def test_s8_a_deleted_stack_is_not_found(aws: type_of_aws) -> None:
    cloudformation, stub = aws("cloudformation")
    gone = {"Stacks": [described("transaction-a", "DELETE_COMPLETE")]}
    stub.add_response("describe_stacks", gone, {"StackName": "transaction-a"})

    assert StackFinder(cloudformation=cloudformation, repository="r").named("transaction-a") is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Throttling", "Rate exceeded"),
        ("ValidationError", "Stack with id other does not exist"),
        ("AccessDenied", "Stack with id transaction-a does not exist"),
    ],
)
def test_b2_an_error_does_not_mean_that_a_stack_is_gone(
    aws: type_of_aws, code: str, message: str
) -> None:
    cloudformation, stub = aws("cloudformation")
    stub.add_client_error("describe_stacks", code, message)

    with pytest.raises(ClientError, match=message):
        StackFinder(cloudformation=cloudformation, repository="r").named("transaction-a")


@pytest.mark.parametrize(
    ("status", "serves", "is_in_progress", "is_half_deleted"),
    [
        ("CREATE_COMPLETE", True, False, False),
        ("UPDATE_COMPLETE", True, False, False),
        ("UPDATE_ROLLBACK_COMPLETE", True, False, False),
        ("CREATE_IN_PROGRESS", True, True, False),
        ("UPDATE_IN_PROGRESS", True, True, False),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", True, True, False),
        ("ROLLBACK_COMPLETE", False, False, False),
        ("ROLLBACK_IN_PROGRESS", False, True, False),
        ("CREATE_FAILED", False, False, False),
        ("UPDATE_ROLLBACK_FAILED", False, False, False),
        ("DELETE_IN_PROGRESS", False, True, False),
        ("DELETE_FAILED", False, False, True),
        ("REVIEW_IN_PROGRESS", False, False, False),  # a change set that was never executed
    ],
)
def test_s8_the_meaning_of_each_stack_status(
    status: str, serves: bool, is_in_progress: bool, is_half_deleted: bool
) -> None:
    found = stack(status)

    assert (found.serves, found.is_in_progress, found.is_half_deleted) == (
        serves,
        is_in_progress,
        is_half_deleted,
    )
