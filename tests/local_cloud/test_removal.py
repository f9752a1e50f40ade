"""Removal: everything of a branch goes, a check lists what stayed, a second time is fine."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.aws import AwsClients
from local_cloud.facts import write_facts
from local_cloud.paths import CloudPaths
from local_cloud.removal import remains, remove_branch
from local_cloud.server import CloudError, RunningCloud, start_cloud, stop_cloud

SUFFIX = "branch-abc123"
TAGS: Any = [{"Key": "environment-suffix", "Value": SUFFIX}]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CloudPaths, RunningCloud]]:
    paths = CloudPaths(tmp_path_factory.mktemp("state"))
    yield paths, start_cloud(paths)
    stop_cloud(paths)


def deploy(aws: AwsClients, name: str, resources: dict[str, Any]) -> None:
    aws.cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources}), Tags=TAGS
    )
    aws.cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )


HUB = "BranchHub-hub-abc123"


def deploy_branch(aws: AwsClients) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"transaction-{SUFFIX}"}}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"audit-{SUFFIX}"}}
    deploy(aws, f"transaction-{SUFFIX}", {"Queue": queue, "Bucket": bucket})
    actions = [
        {
            "Name": "Source",
            "ActionTypeId": {"Category": "Source", "Provider": "CodeCommit"},
            "Configuration": {"BranchName": "branch"},
        },
        {
            "Name": "Deploy",
            "ActionTypeId": {"Category": "Deploy", "Provider": "CloudFormation"},
            "Configuration": {"StackName": f"transaction-{SUFFIX}"},
        },
        {
            "Name": "Hub",
            "ActionTypeId": {"Category": "Deploy", "Provider": "CloudFormation"},
            "Configuration": {"StackName": HUB},
        },
    ]
    pipeline = {
        "Type": "AWS::CodePipeline::Pipeline",
        "Properties": {"Name": f"p-{SUFFIX}", "Stages": [{"Name": "All", "Actions": actions}]},
    }
    deploy(aws, f"DeliveryPipeline-{SUFFIX}", {"Pipeline": pipeline})


def test_b3_a_removed_branch_leaves_nothing_and_its_neighbour_alone(
    cloud: tuple[CloudPaths, RunningCloud],
) -> None:
    paths, running = cloud
    aws = AwsClients(running.endpoint_url)
    aws.sqs.create_queue(QueueName="transaction-neighbour-def456")
    deploy_branch(aws)
    remove_branch(paths, running, branch="branch")
    assert remains(aws, SUFFIX) == []
    assert remains(aws, "neighbour-def456") != []
    remove_branch(paths, running, branch="branch")


def test_b3_the_branch_hub_that_a_trunk_deploys_stays(
    cloud: tuple[CloudPaths, RunningCloud],
) -> None:
    paths, running = cloud
    aws = AwsClients(running.endpoint_url)
    topic = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    tags: Any = [{"Key": "branch-hub", "Value": "hub-abc123"}]
    aws.cloudformation.create_stack(StackName=HUB, TemplateBody=topic, Tags=tags)
    deploy_branch(aws)
    remove_branch(paths, running, branch="branch")
    (hub,) = aws.cloudformation.describe_stacks(StackName=HUB)["Stacks"]
    assert hub["StackStatus"] == "CREATE_COMPLETE"


def test_b3_what_stayed_behind_is_listed(cloud: tuple[CloudPaths, RunningCloud]) -> None:
    paths, running = cloud
    aws = AwsClients(running.endpoint_url)
    deploy_branch(aws)
    aws.logs.create_log_group(logGroupName=f"/aws/lambda/forgotten-{SUFFIX}")
    with pytest.raises(CloudError, match=f"log group /aws/lambda/forgotten-{SUFFIX}"):
        remove_branch(paths, running, branch="branch")
    aws.logs.delete_log_group(logGroupName=f"/aws/lambda/forgotten-{SUFFIX}")


def test_s62_a_bucket_with_objects_stops_the_removal_and_says_so(
    cloud: tuple[CloudPaths, RunningCloud],
) -> None:
    """As on AWS: what empties the bucket must be in the stack, the emulator does not help."""
    paths, running = cloud
    aws = AwsClients(running.endpoint_url)
    deploy_branch(aws)
    aws.s3.put_object(Bucket=f"audit-{SUFFIX}", Key="kept", Body=b"x")
    with pytest.raises(CloudError, match="not empty"):
        remove_branch(paths, running, branch="branch")
    aws.s3.delete_object(Bucket=f"audit-{SUFFIX}", Key="kept")
    remove_branch(paths, running, branch="branch")


def test_facts_of_a_removed_environment_are_forgotten(
    cloud: tuple[CloudPaths, RunningCloud],
) -> None:
    paths, running = cloud
    deploy_branch(AwsClients(running.endpoint_url))
    facts = {"suffix": SUFFIX, "stack": f"transaction-{SUFFIX}", "ApiCertificate": "a certificate"}
    neighbour = {"suffix": "neighbour-def456", "stack": "transaction-neighbour-def456"}
    write_facts(paths, facts)
    kept = write_facts(paths, neighbour)
    remove_branch(paths, running, branch="branch")
    assert set(paths.environments.iterdir()) == kept
