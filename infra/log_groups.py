"""Log groups that go with their stack, also those of the functions that CDK adds by itself."""

import re
from typing import cast

from aws_cdk import CfnResource, CustomResourceProviderBase, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.naming import EnvironmentSuffix


def log_group(
    scope: Construct, construct_id: str, *, name: str, key: kms.IKey | None = None
) -> logs.LogGroup:
    """Make a log group that keeps a week and is deleted with its stack."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=logs.RetentionDays.ONE_WEEK,
        removal_policy=RemovalPolicy.DESTROY,
        encryption_key=key,
    )


def own_helper_logs(
    stack: Stack, *, suffix: EnvironmentSuffix, owner: str, key: kms.IKey | None = None
) -> None:
    """Give the functions that CDK adds to `stack` (to empty a bucket, to trigger) owned logs.

    Call when all constructs are made. Each would otherwise log to a group that Lambda creates on
    first use and nobody deletes.
    """
    for provider in stack.node.children:
        if not isinstance(provider, CustomResourceProviderBase):
            continue
        name = suffix.physical_name(f"{owner}-{_words(provider.node.id)}")
        group = log_group(provider, "Logs", name=f"/aws/lambda/{name}", key=key)
        handler = cast(CfnResource, provider.node.find_child("Handler"))
        handler.add_property_override("LoggingConfig", {"LogGroup": group.log_group_name})
        # Comes with the right to write to every log group of the account.
        role = cast(CfnResource, provider.node.find_child("Role"))
        role.add_property_deletion_override("ManagedPolicyArns")
        provider.add_to_role_policy(
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": group.log_group_arn,
            }
        )


def _words(construct_id: str) -> str:
    """`Custom::S3AutoDeleteObjectsCustomResourceProvider` -> `s3-auto-delete-objects`."""
    name = re.sub(r"^(Custom::|AWSCDK\.)", "", construct_id)
    name = re.sub(r"(CustomResource)?(Provider)?$", "", name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
