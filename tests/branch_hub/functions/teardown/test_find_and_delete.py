"""S8, B2, B3: only stacks with the environment's name and tags are deleted."""

import json
import time
from typing import Any

import pytest

from branch_hub.functions.shared.guard import NotOurs
from branch_hub.functions.shared.stacks import DeployedStack
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import tags_of
from tests.branch_hub.functions.teardown.conftest import Site
from tests.patience import PATIENCE_SECONDS

HASH = "0123456789abcdef" * 4
REPOSITORY = "branch-images-hub-fedge4"
SUB = f"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/{REPOSITORY}:"


def task_definition(suffix: str, tag: str) -> dict[str, Any]:
    return {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": f"transaction-service-{suffix}",
            "ContainerDefinitions": [{"Name": "app", "Image": {"Fn::Sub": SUB + tag}}],
        },
    }


def bucket(suffix: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": f"kept-{suffix}", **properties},
    }


def deploy(site: Site, **more: Any) -> None:
    site.account.deploy(site.stack, tags=tags_of(site.suffix), **more)


def delete_until(site: Site, expected: str) -> dict[str, Any]:
    site.without_runs()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := site.ask("delete", stack=site.stack))["state"] != expected:
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


def test_s8_an_environment_is_found_in_the_order_of_its_deletion(site: Site) -> None:
    site.account.deploy_environment(site.suffix)

    assert site.ask("find") == {
        "stacks": [site.stack, f"DeliveryPipeline-{site.suffix}"],
        "images": [],
        "refused": [],
    }


def test_s8_without_stacks_nothing_is_found(site: Site) -> None:
    assert site.ask("find") == {"stacks": [], "images": [], "refused": []}


def test_b2_foreign_stacks_are_refused_with_the_reason(site: Site) -> None:
    site.account.deploy(site.stack, tags={})
    site.account.deploy(f"other-{site.suffix}", tags=tags_of(site.suffix))
    site.account.deploy(
        f"DeliveryPipeline-{site.suffix}", tags=tags_of(site.suffix), is_protected=True
    )

    found = site.ask("find")

    assert found["stacks"] == []
    assert sorted(found["refused"]) == [
        f"DeliveryPipeline-{site.suffix} has termination protection",
        f"other-{site.suffix} has the tags of {site.suffix} and not the name of one of its stacks",
        f"{site.stack} is named like a stack of {site.suffix} and has not its tags",
    ]


def test_s8_the_images_of_every_revision_are_found(site: Site) -> None:
    older = HASH[::-1]
    deploy(site, resources={"Task": task_definition(site.suffix, HASH)})
    account, region = "000000000000", "us-east-1"
    site.account.client("ecs").register_task_definition(
        family=f"transaction-service-{site.suffix}",
        containerDefinitions=[
            {
                "name": "app",
                "image": f"{account}.dkr.ecr.{region}.amazonaws.com/{REPOSITORY}:{older}",
            },
            {"name": "sidecar", "image": "public.ecr.aws/other:latest"},
        ],
    )

    assert site.ask("find")["images"] == [
        {"repository": REPOSITORY, "tag": tag} for tag in sorted((HASH, older))
    ]


def test_s8_a_stack_is_deleted_and_then_gone(site: Site) -> None:
    deploy(site)
    site.without_runs()

    assert site.ask("delete", stack=site.stack)["state"] == "deleting"
    delete_until(site, "gone")
    assert site.ask("delete", stack=site.stack) == {"state": "gone", "blocked_by": []}


def test_s8_a_run_that_begins_during_the_deletion_is_stopped(site: Site) -> None:
    """The branch was pushed again: its old pipeline would make again what is deleted."""
    site.runs("InProgress")
    site.stopped("run-0", force=False)

    assert site.ask("delete", stack=site.stack)["state"] == "gone"


@pytest.mark.parametrize("tags", [{}, {"environment-suffix": "other-0a1b2c"}])
@pytest.mark.parametrize("action", ["delete", "unblock"])
def test_b2_a_stack_without_our_tags_is_not_deleted(
    site: Site, tags: dict[str, str], action: str
) -> None:
    site.account.deploy(site.stack, tags=tags)

    with pytest.raises(NotOurs, match="has not its tags"):
        site.ask(action, stack=site.stack)
    assert site.account.status(site.stack) == "CREATE_COMPLETE"


def test_b2_a_stack_without_our_name_is_not_deleted(site: Site) -> None:
    other = f"experiment-{site.suffix}"
    site.account.deploy(other, tags=tags_of(site.suffix))

    with pytest.raises(NotOurs, match="not the name"):
        site.ask("delete", stack=other)
    assert site.account.status(other) == "CREATE_COMPLETE"


def test_b2_termination_protection_is_respected(site: Site) -> None:
    deploy(site, is_protected=True)

    with pytest.raises(NotOurs, match="termination protection"):
        site.ask("delete", stack=site.stack)


@pytest.mark.parametrize(
    "suffix", ["staging", "production", "dev", "", None, suffix_of_branch("main")]
)
@pytest.mark.parametrize("action", ["stop", "find", "delete", "unblock", "sweep", "verify"])
def test_b2_every_action_is_limited_to_environments_of_branches(
    site: Site, suffix: str, action: str
) -> None:
    with pytest.raises(NotOurs, match=r"only environments of branches|the trunk's environment"):
        site.ask(action, stack="transaction-production", suffix=suffix)


def test_s8_an_unknown_action_is_refused(site: Site) -> None:
    with pytest.raises(NotOurs, match="action is 'burn': it must be one of stop, find"):
        site.ask("burn")
    with pytest.raises(NotOurs, match="action is None"):
        site.teardown.carry_out({"suffix": site.suffix})


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("UPDATE_IN_PROGRESS", "busy"),
        ("CREATE_IN_PROGRESS", "busy"),
        ("ROLLBACK_IN_PROGRESS", "busy"),
        ("DELETE_IN_PROGRESS", "deleting"),
    ],
)
def test_s8_a_change_in_progress_is_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch, status: str, state: str
) -> None:
    def found(_: str) -> DeployedStack:
        now: Any = None
        return DeployedStack(
            name=site.stack,
            arn="arn:unused",
            status=status,
            tags=tags_of(site.suffix),
            changed_at=now,
            is_termination_protected=False,
        )

    monkeypatch.setattr(site.teardown.stacks, "named", found)
    site.without_runs()

    assert site.ask("delete", stack=site.stack) == {"state": state, "blocked_by": []}
    assert site.ask("unblock", stack=site.stack) == {"emptied": []}


def test_s8_blocking_resources_are_reported_emptied_and_deleted_again(site: Site) -> None:
    """The audit bucket denies what must be done here, keeps versions, and holds many."""
    name = f"kept-{site.suffix}"
    deploy(
        site,
        resources={
            "Bucket": bucket(site.suffix, VersioningConfiguration={"Status": "Enabled"}),
            "Topic": {"Type": "AWS::SNS::Topic"},
        },
    )
    s3 = site.account.client("s3")
    policy = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject*", "Resource": "*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": [policy]}))
    for number in range(3):
        s3.put_object(Bucket=name, Key="twice", Body=str(number).encode())
    s3.delete_object(Bucket=name, Key="twice")
    s3.create_multipart_upload(Bucket=name, Key="unfinished")

    failed = delete_until(site, "failed")
    assert [line.split(":")[0] for line in failed["blocked_by"]] == ["Bucket (AWS"]
    # Reads only: the machine first empties the blocking resources.
    assert site.ask("delete", stack=site.stack)["state"] == "failed"

    assert site.ask("unblock", stack=site.stack) == {"emptied": [f"4 objects of bucket {name}"]}
    delete_until(site, "gone")
    # A repetition of the step finds nothing to do.
    assert site.ask("unblock", stack=site.stack) == {"emptied": []}


def test_s8_a_bucket_with_more_objects_than_one_call_deletes_is_emptied(site: Site) -> None:
    name = f"kept-{site.suffix}"
    deploy(site, resources={"Bucket": bucket(site.suffix)})
    s3 = site.account.client("s3")
    for number in range(1001):
        s3.put_object(Bucket=name, Key=str(number), Body=b"")
    delete_until(site, "failed")

    assert site.ask("unblock", stack=site.stack) == {"emptied": [f"1001 objects of bucket {name}"]}
    delete_until(site, "gone")


def test_s8_a_healthy_stack_is_never_emptied(site: Site) -> None:
    deploy(site, resources={"Bucket": bucket(site.suffix)})
    s3 = site.account.client("s3")
    s3.put_object(Bucket=f"kept-{site.suffix}", Key="kept", Body=b"x")

    assert site.ask("unblock", stack=site.stack) == {"emptied": []}

    assert s3.list_objects_v2(Bucket=f"kept-{site.suffix}")["KeyCount"] == 1
    assert site.account.status(site.stack) == "CREATE_COMPLETE"
