"""Removal deletes every resource of a branch, lists what remains, and can be repeated."""

import json
from typing import Any

import pytest

from local_cloud.aws import AwsClients
from local_cloud.facts import write_facts
from local_cloud.paths import CloudPaths
from local_cloud.removal import remains, remove_branch
from local_cloud.server import CloudError, RunningCloud, running_cloud

SUFFIX = "branch-abc123"
TAGS: Any = [{"Key": "environment-suffix", "Value": SUFFIX}]


@pytest.fixture
def running(shared_cloud: CloudPaths) -> RunningCloud:
    running = running_cloud(shared_cloud)
    assert running is not None
    return running


def deploy(aws: AwsClients, name: str, resources: dict[str, Any]) -> None:
    aws.cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources}), Tags=TAGS
    )
    aws.cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
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


def test_b3_a_removed_branch_leaves_nothing_and_other_branches_stay(
    shared_cloud: CloudPaths, shared_aws: AwsClients, running: RunningCloud
) -> None:
    shared_aws.sqs.create_queue(QueueName="transaction-neighbour-def456")
    deploy_branch(shared_aws)
    remove_branch(shared_cloud, running, branch="branch")
    assert remains(shared_aws, SUFFIX) == []
    assert remains(shared_aws, "neighbour-def456") != []
    remove_branch(shared_cloud, running, branch="branch")


def test_b3_the_branch_hub_of_a_trunk_stays(
    shared_cloud: CloudPaths, shared_aws: AwsClients, running: RunningCloud
) -> None:
    topic = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    tags: Any = [{"Key": "branch-hub", "Value": "hub-abc123"}]
    shared_aws.cloudformation.create_stack(StackName=HUB, TemplateBody=topic, Tags=tags)
    shared_aws.cloudformation.get_waiter("stack_create_complete").wait(
        StackName=HUB, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )
    deploy_branch(shared_aws)
    remove_branch(shared_cloud, running, branch="branch")
    (hub,) = shared_aws.cloudformation.describe_stacks(StackName=HUB)["Stacks"]
    assert hub["StackStatus"] == "CREATE_COMPLETE"


def test_b3_a_remaining_resource_is_listed(
    shared_cloud: CloudPaths, shared_aws: AwsClients, running: RunningCloud
) -> None:
    deploy_branch(shared_aws)
    shared_aws.logs.create_log_group(logGroupName=f"/shared_aws/lambda/forgotten-{SUFFIX}")
    with pytest.raises(CloudError, match=f"log group /shared_aws/lambda/forgotten-{SUFFIX}"):
        remove_branch(shared_cloud, running, branch="branch")
    shared_aws.logs.delete_log_group(logGroupName=f"/shared_aws/lambda/forgotten-{SUFFIX}")


def test_s62_a_bucket_with_objects_stops_the_removal(
    shared_cloud: CloudPaths, shared_aws: AwsClients, running: RunningCloud
) -> None:
    """As on AWS: the stack itself must empty the bucket."""
    deploy_branch(shared_aws)
    shared_aws.s3.put_object(Bucket=f"audit-{SUFFIX}", Key="kept", Body=b"x")
    with pytest.raises(CloudError, match="not empty"):
        remove_branch(shared_cloud, running, branch="branch")
    shared_aws.s3.delete_object(Bucket=f"audit-{SUFFIX}", Key="kept")
    remove_branch(shared_cloud, running, branch="branch")


def test_the_facts_of_a_removed_environment_are_deleted(
    shared_cloud: CloudPaths, shared_aws: AwsClients, running: RunningCloud
) -> None:
    deploy_branch(shared_aws)
    facts = {"suffix": SUFFIX, "stack": f"transaction-{SUFFIX}", "ApiCertificate": "a certificate"}
    neighbour = {"suffix": "neighbour-def456", "stack": "transaction-neighbour-def456"}
    write_facts(shared_cloud, facts)
    kept = write_facts(shared_cloud, neighbour)
    remove_branch(shared_cloud, running, branch="branch")
    assert set(shared_cloud.environments.iterdir()) == kept
