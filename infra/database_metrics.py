"""Enhanced monitoring: metrics of the operating system below each instance of the database."""

from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.naming import EnvironmentSuffix

# RDS creates this group for all databases of the account, and keeps 30 days.
LOG_GROUP: Final = "RDSOSMetrics"


def monitoring_role(
    scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix, instances: str
) -> iam.Role:
    """The role with which RDS writes the metrics of `instances`, a pattern of identifiers.

    AWS's managed policy allows every log group that begins with RDS, in every region.
    """
    stack = Stack.of(scope)

    def log_arn(rest: str = "") -> str:
        return stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{LOG_GROUP}{rest}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    return iam.Role(
        scope,
        construct_id,
        role_name=suffix.physical_name("transaction-db-metrics-role"),
        description=f"RDS writes metrics of the database of {suffix}",
        assumed_by=iam.ServicePrincipal(
            "monitoring.rds.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {
                    "aws:SourceArn": stack.format_arn(
                        service="rds",
                        resource="db",
                        resource_name=instances,
                        arn_format=ArnFormat.COLON_RESOURCE_NAME,
                    )
                },
            },
        ),
        inline_policies={
            "metrics": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        actions=["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
                        resources=[log_arn()],
                    ),
                    iam.PolicyStatement(
                        actions=[
                            "logs:CreateLogStream",
                            "logs:DescribeLogStreams",
                            "logs:GetLogEvents",
                            "logs:PutLogEvents",
                        ],
                        # Named after ids that RDS gives to instances.
                        resources=[log_arn(":log-stream:*")],
                    ),
                ]
            )
        },
    )
