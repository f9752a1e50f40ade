"""Published assets do not stay for ever, and none is deleted that a template names."""

import json

import pytest

from branch_hub.functions.asset_collector.assets import AssetStore, NotBootstrapped
from branch_hub.functions.asset_collector.collector import InvalidRequest, NotCollected
from branch_hub.functions.asset_collector.revisions import KEPT
from branch_hub.functions.shared.records import Purpose
from tests.account import Account, tags_of
from tests.aws_stubs import type_of_aws
from tests.branch_hub.functions.asset_collector.conftest import (
    BUCKET,
    OF_BRANCHES,
    REPOSITORY,
    Site,
    topic,
)
from tests.branch_hub.functions.asset_collector.test_revisions import register


def test_an_asset_that_no_template_names_is_deleted_after_its_time_and_a_named_one_stays(
    site: Site,
) -> None:
    unused, used = site.object(), site.object()
    unused_image, used_image = site.image(), site.image()
    unused_of_a_branch = site.image(OF_BRANCHES)
    site.deploy(used)
    site.deploy(used_image)
    site.account.client("s3").put_object(Bucket=BUCKET, Key="by-hand.txt", Body=b"")
    suffix = site.account.name("staging")
    for arn in register(site.account, suffix, KEPT + 1):
        site.account.client("ecs").deregister_task_definition(taskDefinition=arn)

    assert site.collect(day=1)["due"] == 0  # both are marked
    assert site.collect(day=29)["due"] == 0
    assert site.is_there(unused)
    collected = site.collect(day=32)

    assert f"object {unused}" in collected["names"]
    assert f"image {REPOSITORY}:{unused_image}" in collected["names"]
    assert f"image {OF_BRANCHES}:{unused_of_a_branch}" in collected["names"]
    assert f"revision transaction-service-{suffix}:1" in collected["names"]
    assert not site.is_there(unused)
    assert not site.is_there(unused_image)
    assert not site.is_there(unused_of_a_branch)
    for stays in (used, used_image, "by-hand.txt"):
        assert site.is_there(stays)
    assert unused in site.notices[-1]


def test_a_deleted_object_can_be_restored(site: Site) -> None:
    """The bootstrap's lifecycle rule deletes its old version 30 days later."""
    key, s3 = site.object(), site.account.client("s3")
    site.collect(day=0)
    site.collect(day=31)
    assert not site.is_there(key)

    versions = s3.list_object_versions(Bucket=BUCKET, Prefix=key)
    (marker,) = versions["DeleteMarkers"]
    s3.delete_object(Bucket=BUCKET, Key=key, VersionId=marker["VersionId"])

    assert site.is_there(key)


def test_nothing_is_deleted_unless_it_is_asked_for(site: Site) -> None:
    key = site.object()
    site.collect(day=0, apply=False)

    reported = site.collect(day=31, apply=False)

    assert f"object {key}" in reported["names"]
    assert site.is_there(key)
    assert site.notices == []
    with pytest.raises(InvalidRequest, match="true or false"):
        site.collector.run({"apply": "yes"})


def test_the_time_begins_again_when_a_template_names_the_asset_again(site: Site) -> None:
    key = site.object()
    site.collect(day=0)
    stack = site.deploy(key)
    site.collect(day=20)
    site.account.client("cloudformation").delete_stack(StackName=stack)
    site.account.wait_for(stack, "GONE")
    site.collect(day=29)

    site.collect(day=40)
    assert site.is_there(key)
    site.collect(day=60)
    assert not site.is_there(key)


def test_an_asset_that_was_published_again_is_young(site: Site) -> None:
    key = site.object()
    site.collect(day=-40)

    assert site.collect(day=0)["due"] == 0
    assert site.is_there(key)


def test_an_asset_that_only_a_change_set_names_stays(site: Site) -> None:
    """`cdk gc` ignores stacks that were never created: https://github.com/aws/aws-cdk/pull/31906."""
    first, update = site.object(), site.object()
    cloudformation = site.account.client("cloudformation")
    new, deployed = site.account.name("new"), site.deploy("nothing")
    for stack, kind, key in ((new, "CREATE", first), (deployed, "UPDATE", update)):
        cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName="next",
            ChangeSetType=kind,
            TemplateBody=json.dumps({"Resources": {"Topic": topic(key)}}),
        )
    site.collect(day=0)

    site.collect(day=31)

    assert site.is_there(first)
    assert site.is_there(update)


def test_nothing_is_collected_while_a_pipeline_runs(site: Site) -> None:
    """It may have found an asset that exists, and deploys it next."""
    key, suffix = site.object(), f"{site.account.name('runner')}-0a1b2c"
    site.collect(day=0)
    site.account.deploy(f"DeliveryPipeline-{suffix}", tags=tags_of(suffix))
    site.codepipeline = site.pipeline_calls.client
    for statuses in (["InProgress"], ["Succeeded"], ["InProgress"]):
        site.pipeline_calls.add_response(
            "list_pipeline_executions",
            {
                "pipelineExecutionSummaries": [
                    {"pipelineExecutionId": "run", "status": status} for status in statuses
                ]
            },
            {"pipelineName": f"transaction-pipeline-{suffix}"},
        )

    at_first = site.collect(day=31)
    meanwhile = site.collect(day=31)  # it began while the templates were read

    assert at_first == meanwhile == {"skipped": f"the pipeline of {suffix} is running"}
    assert site.is_there(key)


def test_nothing_is_collected_while_the_hub_deploys_a_pipeline(site: Site) -> None:
    key = site.object()
    site.collect(day=0)
    execution = site.account.start_execution()
    site.registry.lock(
        "x-0a1b2c", purpose=Purpose.CREATE, holder=execution, branch="x", now=site.now()
    )

    assert site.collect(day=31) == {"skipped": "the hub is changing x-0a1b2c"}
    site.account.stop_execution(execution)  # its lock remains, and blocks nobody
    site.collect(day=31)
    assert not site.is_there(key)


def test_what_could_not_be_deleted_is_reported_as_an_error(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, tag = site.object(), site.image()
    s3, ecr = site.account.client("s3"), site.account.client("ecr")
    site.collect(day=0)
    refused = {"Errors": [{"Key": key, "Message": "Access Denied"}]}
    failure = {"imageId": {"imageTag": tag}, "failureReason": "in a manifest list"}
    missing = {"imageId": {"imageTag": "b"}, "failureCode": "ImageNotFound"}
    monkeypatch.setattr(s3, "delete_objects", lambda **_: refused)
    monkeypatch.setattr(ecr, "batch_delete_image", lambda **_: {"failures": [failure, missing]})

    with pytest.raises(NotCollected) as error:
        site.collect(day=31)

    assert str(error.value) == (
        f"not deleted: object {key}: Access Denied; not deleted: image {tag}: in a manifest list"
    )
    assert str(error.value).split("; ")[0] in site.notices[-1]


def test_a_bootstrap_without_outputs_is_refused(account: Account, aws: type_of_aws) -> None:
    cloudformation, stub = aws("cloudformation")
    stub.add_response(
        "describe_stacks",
        {"Stacks": [{"StackName": "CDKToolkit", "CreationTime": 0, "StackStatus": "x"}]},
        {"StackName": "CDKToolkit"},
    )

    with pytest.raises(NotBootstrapped, match="no output 'BucketName'"):
        AssetStore(
            cloudformation=cloudformation,
            s3=account.client("s3"),
            ecr=account.client("ecr"),
            branch_repository=OF_BRANCHES,
        )
