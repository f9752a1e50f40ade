"""S8: only resources of ours that CloudFormation reports as blocking are emptied.

Repositories that hold images and interfaces that functions left behind block a deletion on AWS and
not in the emulator: CloudFormation's answers are stubs here, what is emptied is real.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.functions.teardown.buckets import NotEmptied, empty_bucket
from branch_hub.functions.teardown.deletion import Deletion
from branch_hub.functions.teardown.unblock import Unblocking
from tests.account import Account, tags_of
from tests.aws_stubs import type_of_aws

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
SUFFIX = "blocked-0a1b2c"
STACK, ARN = f"transaction-{SUFFIX}", f"arn:aws:cloudformation:us-east-1:1:stack/{SUFFIX}/id"


def failed(kind: str, identity: str | None, **more: Any) -> dict[str, Any]:
    physical = {} if identity is None else {"PhysicalResourceId": identity}
    return {
        "LogicalResourceId": "Thing",
        "ResourceType": kind,
        "ResourceStatus": "DELETE_FAILED",
        "LastUpdatedTimestamp": NOW,
        **physical,
        **more,
    }


def half_deleted(aws: type_of_aws, *pages: list[dict[str, Any]]) -> Deletion:
    """The answers of CloudFormation, up to the second DeleteStack."""
    cloudformation, stub = aws("cloudformation")
    stack = {
        "StackName": STACK,
        "StackId": ARN,
        "CreationTime": NOW,
        "StackStatus": "DELETE_FAILED",
        "Tags": [{"Key": key, "Value": value} for key, value in tags_of(SUFFIX).items()],
    }
    stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})
    for number, resources in enumerate(pages):
        answer: dict[str, Any] = {"StackResourceSummaries": resources}
        asked = {"StackName": ARN} | ({"NextToken": str(number)} if number else {})
        if number + 1 < len(pages):
            answer["NextToken"] = str(number + 1)
        stub.add_response("list_stack_resources", answer, asked)
    return Deletion(
        cloudformation=cloudformation,
        stacks=StackFinder(cloudformation=cloudformation, repository="acme/app"),
    )


def unblock(aws: type_of_aws, account: Account, *pages: list[dict[str, Any]]) -> list[str]:
    deletion = half_deleted(aws, *pages)
    aws("cloudformation")[1].add_response("delete_stack", {}, {"StackName": ARN})
    unblocking = Unblocking(
        deletion=deletion,
        s3=account.client("s3"),
        ecr=account.client("ecr"),
        ec2=account.client("ec2"),
    )
    emptied: list[str] = unblocking.unblock(STACK, SUFFIX)["emptied"]
    return emptied


def test_s8_blocking_resources_of_all_pages_are_reported_with_reasons(aws: type_of_aws) -> None:
    reason = "has a dependent object"
    deletion = half_deleted(
        aws,
        [failed("AWS::EC2::Subnet", "subnet-1", ResourceStatusReason=reason)],
        [
            {**failed("AWS::SNS::Topic", "topic"), "ResourceStatus": "DELETE_COMPLETE"},
            failed("AWS::S3::Bucket", "kept"),
        ],
    )

    assert deletion.step(STACK, SUFFIX) == {
        "state": "failed",
        "blocked_by": [
            f"Thing (AWS::EC2::Subnet): {reason}",
            "Thing (AWS::S3::Bucket): no reason given",
        ],
    }


def test_s8_a_repository_with_images_is_emptied(aws: type_of_aws, account: Account) -> None:
    name = account.name("images")
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName=name)
    for number in range(101):
        ecr.put_image(
            repositoryName=name, imageTag=str(number), imageManifest=f'{{"layers": [{number}]}}'
        )

    emptied = unblock(aws, account, [failed("AWS::ECR::Repository", name)])

    assert emptied == [f"100 images of repository {name}", f"1 images of repository {name}"]
    assert ecr.list_images(repositoryName=name)["imageIds"] == []


@pytest.mark.parametrize("kind", ["AWS::EC2::SecurityGroup", "AWS::EC2::Subnet"])
def test_s8_detached_interfaces_are_deleted(aws: type_of_aws, account: Account, kind: str) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet, other = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"]
        for n in (1, 2)
    )
    group, neighbour = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        for name in (account.name("ours"), account.name("theirs"))
    )
    ours = _interface(ec2, subnet, group)
    theirs = _interface(ec2, other, neighbour)
    busy = _interface(ec2, subnet, group)
    ec2.attach_network_interface(NetworkInterfaceId=busy, InstanceId="i-1", DeviceIndex=1)
    identity = group if kind == "AWS::EC2::SecurityGroup" else subnet

    assert unblock(aws, account, [failed(kind, identity)]) == [f"network interface {ours}"]

    left = ec2.describe_network_interfaces(NetworkInterfaceIds=[theirs, busy])
    assert len(left["NetworkInterfaces"]) == 2


def _interface(ec2: Any, subnet: str, group: str) -> str:
    made = ec2.create_network_interface(SubnetId=subnet, Groups=[group])
    return str(made["NetworkInterface"]["NetworkInterfaceId"])


def test_s8_resources_that_are_missing_or_cannot_be_emptied_are_skipped(
    aws: type_of_aws, account: Account
) -> None:
    emptied = unblock(
        aws,
        account,
        [
            failed("AWS::S3::Bucket", "no-such-bucket"),
            failed("AWS::ECR::Repository", "no-such-repository"),
            failed("AWS::RDS::DBCluster", "still-in-use"),
            failed("AWS::S3::Bucket", None),
        ],
    )

    assert emptied == []


def test_s8_an_object_that_stays_is_an_error(aws: type_of_aws) -> None:
    """The call itself succeeds."""
    s3, stub = aws("s3")
    stub.add_response("delete_bucket_policy", {}, {"Bucket": "kept"})
    versions = {"Versions": [{"Key": "held", "VersionId": "1"}]}
    stub.add_response("list_object_versions", versions, {"Bucket": "kept"})
    refused = {"Errors": [{"Key": "held", "VersionId": "1", "Message": "Access Denied"}]}
    stub.add_response("delete_objects", refused)

    with pytest.raises(NotEmptied, match="bucket kept: 1 objects stay, the first is held: Access"):
        list(empty_bucket(s3, "kept"))


def test_s8_unfinished_uploads_are_deleted_with_the_bucket(account: Account) -> None:
    name, s3 = account.name("unfinished"), account.client("s3")
    s3.create_bucket(Bucket=name)
    s3.create_multipart_upload(Bucket=name, Key="half")
    assert s3.list_multipart_uploads(Bucket=name)["Uploads"]

    list(empty_bucket(s3, name))

    assert "Uploads" not in s3.list_multipart_uploads(Bucket=name)


def test_s8_a_bucket_without_objects_is_no_error(account: Account) -> None:
    name = account.name("empty")
    account.client("s3").create_bucket(Bucket=name)

    assert list(empty_bucket(account.client("s3"), name)) == [f"0 objects of bucket {name}"]
