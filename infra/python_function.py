"""A Lambda function with its own role and log group, and only the permissions it is granted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.component_names import function_logs
from infra.lambda_code import LambdaSource
from infra.log_groups import log_group
from infra.naming import EnvironmentSuffix
from infra.network import PRIVATE
from infra.python_version import deployed_python, lambda_runtime

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
    """The network of a function that needs the database: the private subnets of `vpc`."""

    vpc: ec2.IVpc
    security_group: ec2.ISecurityGroup


class PythonFunction(Construct):
    """The function `{name}-{suffix}`. Grant permissions to `function`.

    `environment` may depend on the role of the function, which is created here.

    Lambda stops a function that calls itself through a queue after about 16 rounds.
    `may_send_to_itself` is for a function that does so on purpose.
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
        environment: dict[str, str] | Callable[[iam.Role], dict[str, str]],
        timeout_seconds: int,
        key: kms.IKey,
        placement: Placement | None = None,
        memory_mib: int = 256,
        may_send_to_itself: bool = False,
        at_once: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        function_name = suffix.physical_name(name)

        self.log_group = log_group(self, "Logs", name=function_logs(function_name), key=key)
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
            environment=environment(self.role) if callable(environment) else environment,
            environment_encryption=key,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mib,
            # None: limited only by the account.
            reserved_concurrent_executions=at_once,
            role=self.role,
            log_group=self.log_group,
            # Lambda writes each line as JSON, with `level`, `message` and the `extra` of the call.
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            system_log_level_v2=lambda_.SystemLogLevel.INFO,
            recursive_loop=lambda_.RecursiveLoop.ALLOW if may_send_to_itself else None,
            vpc=placement.vpc if placement else None,
            vpc_subnets=PRIVATE if placement else None,
            security_groups=[placement.security_group] if placement else None,
        )
        if placement is not None:
            # It reads its secrets at once, so the route to the AWS APIs must exist.
            self.function.node.add_dependency(placement.vpc)

    def _allow_network_interfaces(self, function_name: str) -> None:
        # Lambda requires this on every resource for a function in a VPC.
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(_NETWORK_INTERFACES), resources=["*"])
        )
        # Lambda itself needs it, the code of the function does not.
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
