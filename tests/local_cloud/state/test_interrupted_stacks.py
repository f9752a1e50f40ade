"""A stack operation that a kill interrupted is completed by a deployment of the same template."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.aws import AwsClients
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import CloudPaths
from local_cloud.server import start_cloud, stop_cloud
from tests.local_cloud.state.contents import Contents, until


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contents]:
    paths = CloudPaths(tmp_path_factory.mktemp("interrupted"))
    try:
        aws = AwsClients(start_cloud(paths, port=0).endpoint_url)
        authority = LocalAuthority(tmp_path_factory.mktemp("authority"))
        yield Contents(paths=paths, aws=aws, authority=authority)
    finally:
        stop_cloud(paths)


def _queue(name: str, *after: str, seconds: int = 30) -> dict[str, Any]:
    properties = {"QueueName": name, "VisibilityTimeout": seconds}
    return {"Type": "AWS::SQS::Queue", "DependsOn": [*after], "Properties": properties}


def _slow(name: str, *, seconds: int = 30) -> dict[str, Any]:
    """The first queue exists at once, and the last one not while the condition is waited for."""
    return {
        "Resources": {
            "First": _queue(f"{name}-first", seconds=seconds),
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Never": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "DependsOn": ["First"],
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "300", "Count": 1},
            },
            "Last": _queue(f"{name}-last", "Never"),
        }
    }


def _changes(contents: Contents, stack: str, template: dict[str, Any]) -> set[str]:
    """The resources that a change set for `template` would change, as the CDK CLI asks."""
    cloudformation = contents.aws.cloudformation
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName="again",
        ChangeSetType="UPDATE",
        TemplateBody=json.dumps(template),
    )
    until(
        lambda: (
            cloudformation.describe_change_set(StackName=stack, ChangeSetName="again")["Status"]
            in {"CREATE_COMPLETE", "FAILED"}
        ),
        "the change set is computed",
    )
    described = cloudformation.describe_change_set(StackName=stack, ChangeSetName="again")
    return {c["ResourceChange"]["LogicalResourceId"] for c in described.get("Changes", [])}


def _kill_after(contents: Contents, stack: str, resource: str, status: str) -> None:
    def is_there() -> bool:
        known = contents.aws.cloudformation.describe_stack_resources(StackName=stack)
        return (resource, status) in {
            (r["LogicalResourceId"], r["ResourceStatus"]) for r in known["StackResources"]
        }

    until(is_there, f"{resource} is {status}")
    contents.until_saved()
    contents.kill()
    contents.start()


def _is_accepted(contents: Contents, stack: str, template: dict[str, Any]) -> bool:
    try:
        contents.aws.cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(template))
    except ClientError as error:
        if "No updates" in str(error):
            return False
        raise
    return True


def _template_of(contents: Contents, stack: str) -> Any:
    found = contents.aws.cloudformation.get_template(StackName=stack)["TemplateBody"]
    return found if isinstance(found, dict) else json.loads(found)


@pytest.mark.parametrize("by_change_set", [False, True])
def test_an_interrupted_creation_is_not_taken_for_deployed(
    contents: Contents, by_change_set: bool
) -> None:
    cloudformation = contents.aws.cloudformation
    name = "by-change-set" if by_change_set else "direct"
    template = _slow(name)
    body = json.dumps(template)
    if by_change_set:
        cloudformation.create_change_set(
            StackName=name, TemplateBody=body, ChangeSetName="first", ChangeSetType="CREATE"
        )
        until(
            lambda: (
                cloudformation.describe_change_set(StackName=name, ChangeSetName="first")["Status"]
                == "CREATE_COMPLETE"
            ),
            "the change set is computed",
        )
        cloudformation.execute_change_set(StackName=name, ChangeSetName="first")
    else:
        cloudformation.create_stack(StackName=name, TemplateBody=body)

    _kill_after(contents, name, "First", "CREATE_COMPLETE")

    assert _template_of(contents, name) != template, "the CDK CLI would skip the stack"
    assert "Last" in _changes(contents, name, template)
    assert _is_accepted(contents, name, template)


def test_an_interrupted_update_is_not_taken_for_deployed_nor_for_undone(contents: Contents) -> None:
    before = {"Resources": {"First": _queue("updated-first")}}
    after = _slow("updated", seconds=60)
    cloudformation = contents.aws.cloudformation
    cloudformation.create_stack(StackName="updated", TemplateBody=json.dumps(before))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="updated", WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )
    cloudformation.update_stack(StackName="updated", TemplateBody=json.dumps(after))

    _kill_after(contents, "updated", "First", "UPDATE_COMPLETE")

    assert _template_of(contents, "updated") not in (before, after)
    assert "Last" in _changes(contents, "updated", after)
    assert _is_accepted(contents, "updated", before)

    def seconds() -> str:
        return contents.aws.sqs.get_queue_attributes(
            QueueUrl=contents.queue("updated-first"), AttributeNames=["VisibilityTimeout"]
        )["Attributes"]["VisibilityTimeout"]

    until(lambda: seconds() == "30", "the first queue is as it was before the update")
