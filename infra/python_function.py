"""A Lambda function of ours: its own role and log group, and nothing that it was not given."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.lambda_code import LambdaSource
from infra.log_groups import log_group
from infra.naming import EnvironmentSuffix
from infra.python_version import deployed_python, lambda_runtime

# In the private subnets: the database is inside, the AWS APIs are outside.
_SUBNETS: Final = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
_NETWORK_INTERFACES: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where in the network a function runs that needs the database."""

    vpc: ec2.IVpc
    security_group: ec2.ISecurityGroup


class PythonFunction(Construct):
    """The function `{name}-{suffix}`. Grant to `function`; write its `settings` as environment.

    Lambda stops one that an event of its own making starts, after some 16 rounds. `may_feed_itself`
    is for the one that does so on purpose.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        name: str,
        description: str,
        source: LambdaSource,
        environment: dict[str, str],
        timeout_seconds: int,
        key: kms.IKey,
        placement: Placement | None = None,
        memory_mib: int = 256,
        may_feed_itself: bool = False,
        at_once: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        function_name = suffix.physical_name(name)

        self.log_group = log_group(self, "Logs", name=f"/aws/lambda/{function_name}", key=key)
        self.role = iam.Role(
            self,
            "Role",
            role_name=suffix.physical_name(f"{name}-role"),
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        self.log_group.grant_write(self.role)
        key.grant_decrypt(self.role)  # its own environment variables
        if placement is not None:
            self._allow_network_interfaces(function_name)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            description=description,
            runtime=lambda_runtime(deployed_python()),
            architecture=lambda_.Architecture.ARM_64,
            handler=source.handler,
            code=source.code(),
            environment=environment,
            environment_encryption=key,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mib,
            # None: as many as the account lets run.
            reserved_concurrent_executions=at_once,
            role=self.role,
            log_group=self.log_group,
            recursive_loop=lambda_.RecursiveLoop.ALLOW if may_feed_itself else None,
            vpc=placement.vpc if placement else None,
            vpc_subnets=_SUBNETS if placement else None,
            security_groups=[placement.security_group] if placement else None,
        )
        if placement is not None:
            # Not before there is a way out of the subnets: it asks for its secrets at once.
            self.function.node.add_dependency(placement.vpc)

    def _allow_network_interfaces(self, function_name: str) -> None:
        # Lambda refuses a function in a VPC unless its role may do this on every resource.
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(_NETWORK_INTERFACES), resources=["*"])
        )
        # The service needs it; the code, once it runs, does not.
        self.role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=list(_NETWORK_INTERFACES),
                resources=["*"],
                conditions={
                    "ArnEquals": {
                        "lambda:SourceFunctionArn": Stack.of(self).format_arn(
                            service="lambda",
                            account=Aws.ACCOUNT_ID,
                            resource=f"function:{function_name}",
                        )
                    }
                },
            )
        )
