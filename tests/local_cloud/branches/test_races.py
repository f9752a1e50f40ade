"""Branches that are pushed and deleted at bad moments, on the hub's own state machines.

Events are sent as GitHub sends them: signed, to the function URL. The tests check the final state.
"""

import json
import uuid
from typing import Any

import pytest

from lambda_src.shared.branch_suffix import suffix_of_branch
from local_cloud.branch_hub import webhook
from tests.local_cloud.branches.cloud import eventually
from tests.local_cloud.branches.hub import QUOTA, REPOSITORY, Branches, pipeline_template


@pytest.fixture
def branch() -> str:
    return f"feature/{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def living(branches: Branches) -> str:
    """A branch with an environment, for tests in which it must stay."""
    name = f"feature/living-{uuid.uuid4().hex[:8]}"
    assert branches.create(name).outcome == "create"
    return name


def assert_lives(branches: Branches, branch: str) -> None:
    suffix = suffix_of_branch(branch)
    assert branches.record(suffix)["state"] == "live"
    for name in (f"DeliveryPipeline-{suffix}", f"transaction-{suffix}"):
        assert stack_id(branches, name)


def stack_id(branches: Branches, name: str) -> str:
    found = branches.hub.aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return found["StackId"]


def test_b3_a_deleted_branch_leaves_nothing_after_its_stack_failed_to_delete(
    branches: Branches, branch: str
) -> None:
    suffix = suffix_of_branch(branch)
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "audit-@SUFFIX@"}}
    branches.create(branch, files={"application.json": {"Bucket": bucket}})
    assert_lives(branches, branch)
    # As on AWS, a stack with such a bucket cannot be deleted.
    branches.hub.aws.s3.put_object(Bucket=f"audit-{suffix}", Key="kept", Body=b"x")
    deleted = branches.delete(branch)
    assert deleted.succeeded
    assert "Unblock" in branches.steps(deleted)
    assert branches.remains(suffix) == []
    assert branches.record(suffix) == {}


def test_s8_a_branch_deleted_right_after_its_push_leaves_nothing(
    branches: Branches, branch: str
) -> None:
    suffix = suffix_of_branch(branch)
    commit = branches.push(branch)
    pushed = branches.send_event(webhook.pushed(branch, commit=commit))
    branches.cloud.drop(branch)
    deleted = branches.send_event(webhook.deleted(branch))
    branches.created(pushed)
    branches.deleted(deleted)
    branches.settled(branch)
    assert branches.remains(suffix) == []
    assert branches.record(suffix) == {}


def test_s8_a_branch_deleted_during_its_run_ends_the_run_first(
    branches: Branches, branch: str
) -> None:
    suffix = suffix_of_branch(branch)
    pipeline = f"transaction-pipeline-{suffix}"
    assert branches.create(
        branch, files={"pipeline.json": pipeline_template(branch, "sleep 600")}
    ).succeeded
    codepipeline = branches.hub.aws.codepipeline
    listed = codepipeline.list_pipeline_executions(pipelineName=pipeline)
    (run,) = listed["pipelineExecutionSummaries"]
    assert run["status"] == "InProgress"
    deleted = branches.delete(branch)
    assert deleted.succeeded
    assert branches.remains(suffix) == []
    # Stop is repeated while the run is ending; it ends without Force.
    steps = branches.steps(deleted)
    assert steps.count("Stop") > 1
    assert "Force" not in steps


def test_s8_a_branch_pushed_right_after_its_deletion_gets_a_new_environment(
    branches: Branches, branch: str
) -> None:
    """The creation waits until the old environment is deleted."""
    suffix = suffix_of_branch(branch)
    branches.create(branch)
    before = stack_id(branches, f"transaction-{suffix}")
    branches.cloud.drop(branch)
    branches.send_event(webhook.deleted(branch))
    eventually(lambda: branches.record(suffix).get("state") == "destroying")
    commit = branches.push(branch)
    branches.created(branches.send_event(webhook.pushed(branch, commit=commit)))
    branches.settled(branch)
    assert branches.record(suffix)["state"] == "live"
    assert stack_id(branches, f"transaction-{suffix}") != before
    assert branches.remains(suffix) != []


def test_b4_branches_with_similar_names_do_not_share_an_environment(
    branches: Branches, branch: str, living: str
) -> None:
    alike = living.replace("/", "-")
    branches.create(alike)
    assert_lives(branches, alike)
    assert branches.delete(alike).succeeded
    assert branches.remains(suffix_of_branch(alike)) == []
    assert_lives(branches, living)


def test_s8_a_late_deletion_event_does_not_delete_an_existing_branch(
    branches: Branches, living: str
) -> None:
    assert branches.deleted(branches.send_event(webhook.deleted(living))).outcome == "alive"
    assert_lives(branches, living)


def test_s8_a_late_push_event_creates_nothing_for_a_deleted_branch(
    branches: Branches, branch: str
) -> None:
    commit = branches.push(branch)
    branches.cloud.drop(branch)
    assert (
        branches.created(branches.send_event(webhook.pushed(branch, commit=commit))).outcome
        == "gone"
    )
    assert branches.remains(suffix_of_branch(branch)) == []


def test_s8_a_duplicate_event_creates_one_environment(branches: Branches, branch: str) -> None:
    commit = branches.push(branch)
    detail = {
        "event_id": uuid.uuid4().hex,
        "repository": REPOSITORY,
        "branch": branch,
        "suffix": suffix_of_branch(branch),
        "commit": commit,
        "occurred_at": "2026-11-22T03:00:00Z",
        "reason": "pushed",
    }
    entry: Any = {
        "Source": "transaction-pipeline.branches",
        "DetailType": "Branch Pushed",
        "Detail": json.dumps(detail),
        "EventBusName": branches.hub.outputs["BranchEventBusName"],
    }
    branches.hub.aws.events.put_events(Entries=[entry, entry])
    eventually(lambda: len(branches.executions(branch, branches.hub.create_machine)) == 2)
    branches.settled(branch)
    ended = branches.executions(branch, branches.hub.create_machine)
    assert [e["status"] for e in ended] == ["SUCCEEDED", "SUCCEEDED"]
    assert sum("DeployPipeline" in branches.steps_of(e["executionArn"]) for e in ended) == 1
    assert branches.record(suffix_of_branch(branch))["state"] == "live"


def test_s8_a_replayed_or_forged_webhook_starts_nothing(branches: Branches, branch: str) -> None:
    commit = branches.push(branch)
    secret = branches.hub.webhook_secret()
    event = webhook.payload(webhook.pushed(branch, commit=commit), repository=REPOSITORY)
    delivery = webhook.sign(event, secret=secret)
    assert branches.send(delivery)[0] == 202
    # The delivery id is not signed: a replay may have another one.
    again = {**delivery.headers, "X-GitHub-Delivery": str(uuid.uuid4())}
    status, said = branches.send(webhook.Delivery(body=delivery.body, headers=again))
    assert status == 200
    assert "duplicate" in said
    assert branches.send(webhook.sign({**event, "deleted": True}, secret="guessed"))[0] == 401
    eventually(lambda: branches.executions(branch, branches.hub.create_machine))
    branches.settled(branch)
    assert len(branches.executions(branch, branches.hub.create_machine)) == 1
    assert branches.executions(branch, branches.hub.destroy_machine) == []


def test_b2_expired_and_orphaned_environments_are_deleted_only_when_the_plan_is_applied(
    branches: Branches, branch: str, living: str
) -> None:
    """One branch has expired; of the other, the deletion event was lost."""
    forgotten = f"{branch}-forgotten"
    expired, orphan = suffix_of_branch(branch), suffix_of_branch(forgotten)
    branches.create(branch)
    branches.create(forgotten)
    branches.expire(expired)
    branches.cloud.drop(forgotten)
    plan = branches.reconcile(apply=False)
    assert (plan[expired], plan[orphan]) == ("destroy", "destroy")
    assert_lives(branches, branch)
    assert_lives(branches, forgotten)
    assert branches.reconcile(apply=True) == plan
    # The record stays: the branch exists, and gets an environment again only after a push.
    eventually(lambda: branches.record(expired).get("state") == "expired")
    eventually(lambda: branches.record(orphan) == {})
    assert branches.remains(expired) + branches.remains(orphan) == []
    assert_lives(branches, living)


def test_b2_nothing_is_deleted_while_the_git_host_does_not_answer(
    branches: Branches, living: str
) -> None:
    """A repository that the host does not show must not look like one without branches."""
    hidden = branches.cloud.git.repository.with_suffix(".hidden")
    branches.cloud.git.repository.rename(hidden)
    try:
        told = branches.send_event(webhook.deleted(living))
        assert not branches.deleted(told).succeeded
        with pytest.raises(AssertionError, match="answered 404"):
            branches.reconcile(apply=True)
    finally:
        hidden.rename(branches.cloud.git.repository)
    suffix = suffix_of_branch(living)
    for name in (f"DeliveryPipeline-{suffix}", f"transaction-{suffix}"):
        assert stack_id(branches, name)


def test_b3_a_teardown_that_leaves_a_resource_fails(branches: Branches, branch: str) -> None:
    suffix = suffix_of_branch(branch)
    branches.create(branch)
    url = branches.hub.aws.sqs.create_queue(QueueName=f"forgotten-{suffix}")["QueueUrl"]
    deleted = branches.delete(branch)
    assert not deleted.succeeded
    assert f"forgotten-{suffix}" in json.dumps(deleted.answers)
    assert branches.record(suffix)["state"] == "destroy_failed"
    branches.hub.aws.sqs.delete_queue(QueueUrl=url)
    branches.reconcile(apply=True)
    eventually(lambda: branches.record(suffix) == {})


def test_s8_the_quota_refuses_with_the_oldest_and_a_deletion_makes_room(
    branches: Branches, branch: str
) -> None:
    """Last in this file: environments of other tests count."""
    while len(branches.alive()) < QUOTA:
        assert branches.create(f"{branch}-{uuid.uuid4().hex[:4]}").outcome == "create"
    refused = branches.create(branch)
    assert (refused.outcome, refused.succeeded) == ("refused", True)  # no alarm counts it
    oldest = branches.alive()[0]
    assert oldest in json.dumps(refused.answers)
    assert branches.remains(suffix_of_branch(branch)) == []
    assert branches.delete(oldest).succeeded
    assert branches.create(branch).outcome == "create"
