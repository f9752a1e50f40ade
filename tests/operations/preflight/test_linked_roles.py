"""B11: the first deployment does not fail while AWS creates roles for its services."""

import json
from typing import Any

import pytest

from operations.preflight.linked_roles import LINKED_ROLES, linked_roles
from tests.aws_stubs import type_of_aws
from tests.delivered import Delivered
from tests.operations.preflight.conftest import Ask

# By type of resource: the service that creates its role at the first use.
FIRST_USES = {
    "AWS::CodeStarNotifications::NotificationRule": "codestar-notifications.amazonaws.com",
    "AWS::ECS::Cluster": "ecs.amazonaws.com",
}


def role(name: str) -> dict[str, Any]:
    return {
        "Role": {
            "Path": "/aws-service-role/",
            "RoleName": name,
            "RoleId": "AROA0123456789ABCDEF",
            "Arn": f"arn:aws:iam::111111111111:role/aws-service-role/{name}",
            "CreateDate": 0,
        }
    }


def test_b11_a_missing_linked_role_is_a_note_with_the_command(ask: Ask, aws: type_of_aws) -> None:
    iam = aws("iam")[1]
    iam.add_client_error("get_role", "NoSuchEntity")
    iam.add_response("get_role", role("AWSServiceRoleForECS"))

    missing, existing = ask(linked_roles, {})

    assert missing.startswith("note: linked role: AWSServiceRoleForCodeStarNotifications")
    assert missing.endswith(
        "aws iam create-service-linked-role --aws-service-name codestar-notifications.amazonaws.com"
    )
    assert existing == "fine: linked role: AWSServiceRoleForECS exists"


def test_b11_a_refused_permission_is_not_taken_for_a_missing_role(ask: Ask) -> None:
    (line,) = ask(linked_roles, {"iam.get_role": "AccessDenied"})

    assert "these credentials may not call GetRole" in line


@pytest.mark.parametrize(("resource_type", "service"), FIRST_USES.items())
def test_b11_what_needs_a_linked_role_at_its_first_use_is_checked(
    delivered: Delivered, resource_type: str, service: str
) -> None:
    deployed = {
        resource["Type"]
        for file in delivered.outdir.rglob("*.template.json")
        for resource in json.loads(file.read_text())["Resources"].values()
    }

    assert (resource_type in deployed) == (service in LINKED_ROLES.values())
