"""What a template names, as CloudFormation answers while stacks come and go."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from branch_hub.functions.asset_collector.references import References
from tests.aws_stubs import type_of_aws

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64


def stacks(stub: Stubber, status: str = "CREATE_COMPLETE", **more: Any) -> None:
    stack = {"StackName": "s", "StackId": "arn", "CreationTime": 0, "StackStatus": status, **more}
    stub.add_response("describe_stacks", {"Stacks": [stack]})


def test_templates_before_and_after_transforms_parameters_and_change_sets_count(
    aws: type_of_aws,
) -> None:
    cloudformation, stub = aws("cloudformation")
    stacks(stub, Parameters=[{"ParameterKey": "AssetKey", "ParameterValue": f"{ONE}.zip"}])
    stub.add_response("get_template", {"TemplateBody": "no asset"})
    stub.add_response("get_template", {"TemplateBody": f"image:{TWO}"})
    stub.add_response("list_change_sets", {"Summaries": [{"ChangeSetId": "change"}]})
    stub.add_response("get_template", {"TemplateBody": f"{THREE}.json {THREE}f"})

    assert References(cloudformation=cloudformation).hashes() == {ONE, TWO, THREE}


def test_a_deleted_stack_names_nothing(aws: type_of_aws) -> None:
    cloudformation, stub = aws("cloudformation")
    stacks(stub, "DELETE_COMPLETE")

    assert References(cloudformation=cloudformation).hashes() == set()


def test_a_stack_that_is_deleted_meanwhile_names_nothing(aws: type_of_aws) -> None:
    cloudformation, stub = aws("cloudformation")
    stacks(stub)
    stub.add_client_error("get_template", "ValidationError", "Stack with id arn does not exist")

    assert References(cloudformation=cloudformation).hashes() == set()


def test_nothing_is_known_if_one_template_cannot_be_read(aws: type_of_aws) -> None:
    cloudformation, stub = aws("cloudformation")
    stacks(stub)
    stub.add_client_error("get_template", "AccessDenied", "not authorized")

    with pytest.raises(ClientError, match="AccessDenied"):
        References(cloudformation=cloudformation).hashes()
