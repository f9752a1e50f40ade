"""Log groups that are deleted with their stack, also for the functions that CDK adds."""

import re
from typing import cast

from aws_cdk import CfnResource, CustomResourceProviderBase, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.component_names import function_logs
from infra.naming import EnvironmentSuffix


def log_group(
    scope: Construct, construct_id: str, *, name: str, key: kms.IKey | None = None
) -> logs.LogGroup:
    """Create a log group that keeps a week and is deleted with its stack."""
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
    """Create log groups for the functions that CDK adds to `stack`, for example to empty buckets.

    Call after all constructs exist. Otherwise Lambda creates the groups on first use, and they
    remain when the stack is deleted.
    """
    for provider in stack.node.children:
        if not isinstance(provider, CustomResourceProviderBase):
            continue
        name = suffix.physical_name(f"{owner}-{_words(provider.node.id)}")
        group = log_group(provider, "Logs", name=function_logs(name), key=key)
        handler = cast(CfnResource, provider.node.find_child("Handler"))
        handler.add_property_override("LoggingConfig", {"LogGroup": group.log_group_name})
        # The default policy allows writing to every log group of the account.
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
