"""Roles that AWS creates for its services at their first use in an account.

A service uses its new role at once, when IAM may not know it yet: then the first deployment fails.

* https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818
* https://github.com/aws/aws-cdk/issues/34406
"""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import ClientError

from operations.preflight.findings import Finding, Situation, code_of, fine, note

# By role: the service that uses it.
LINKED_ROLES: Final = {
    "AWSServiceRoleForCodeStarNotifications": "codestar-notifications.amazonaws.com",
    "AWSServiceRoleForECS": "ecs.amazonaws.com",
}


def linked_roles(situation: Situation) -> Iterator[Finding]:
    iam = situation.client("iam")
    for role, service in LINKED_ROLES.items():
        try:
            iam.get_role(RoleName=role)
        except ClientError as error:
            if code_of(error) != "NoSuchEntity":
                raise
            # AWS creates it, so a deployment may succeed without this.
            yield note(
                f"linked role: {role} does not exist, and the first deployment may fail while AWS "
                "creates it. Create it some minutes earlier: aws iam create-service-linked-role "
                f"--aws-service-name {service}"
            )
        else:
            yield fine(f"linked role: {role} exists")
