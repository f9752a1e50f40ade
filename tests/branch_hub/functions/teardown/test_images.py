"""B3: an image that a live template may name is not deleted."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from branch_hub.functions.shared.stacks import DeployedStack
from branch_hub.functions.teardown.images import Image, Images
from tests.account import Account
from tests.aws_stubs import type_of_aws

REPOSITORY = "branch-images-hub-fedge4"
ARN = "arn:aws:cloudformation:us-east-1:111111111111:stack/transaction-a/id"
STACK = DeployedStack(
    name="transaction-a",
    arn=ARN,
    status="CREATE_COMPLETE",
    tags={},
    changed_at=datetime(2026, 11, 22, tzinfo=UTC),
    is_termination_protected=False,
)
IMAGE = Image(repository=REPOSITORY, tag="0" * 64)


def images(aws: type_of_aws, account: Account) -> Images:
    return Images(cloudformation=aws("cloudformation")[0], ecr=account.client("ecr"))


def test_b3_a_template_in_yaml_is_read_too(aws: type_of_aws, account: Account) -> None:
    template = f"Image: !Sub ${{AWS::AccountId}}.dkr/{REPOSITORY}:{IMAGE.tag}"
    answer = {"TemplateBody": template}
    aws("cloudformation")[1].add_response("get_template", answer, {"StackName": ARN})

    assert images(aws, account).unused([IMAGE], [STACK]) == []


def test_b3_a_stack_that_was_deleted_meanwhile_names_no_image(
    aws: type_of_aws, account: Account
) -> None:
    message = f"Stack with id {ARN} does not exist"
    aws("cloudformation")[1].add_client_error("get_template", "ValidationError", message)

    assert images(aws, account).unused([IMAGE], [STACK]) == [IMAGE]


def test_b3_an_image_stays_if_a_template_cannot_be_read(aws: type_of_aws, account: Account) -> None:
    aws("cloudformation")[1].add_client_error("get_template", "AccessDenied", "no")

    with pytest.raises(ClientError, match="AccessDenied"):
        images(aws, account).unused([IMAGE], [STACK])


def test_b3_without_candidate_images_no_template_is_read(
    aws: type_of_aws, account: Account
) -> None:
    template = {"TemplateBody": f"/{REPOSITORY}:{IMAGE.tag}"}
    aws("cloudformation")[1].add_response("get_template", template)

    assert images(aws, account).unused([IMAGE], [STACK, STACK, STACK]) == []
