"""The VPC: two zones, three kinds of subnets, NAT gateways and gateway endpoints."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.audit_store import LIST_RECORDS, READ_RECORD, AuditStore
from infra.log_groups import log_group
from infra.naming import EnvironmentSuffix

ZONES: Final = 2
PUBLIC: Final = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
PRIVATE: Final = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
ISOLATED: Final = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
_ISOLATED_NAME: Final = "isolated"
ISOLATED_SUBNETS: Final = {"aws-cdk:subnet-name": _ISOLATED_NAME}  # the tag that CDK gives them


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    nat_gateways: int = 1  # with one in each zone, a zone does not depend on the other


class Network(Construct):
    """A VPC in exactly two zones, with gateway endpoints for S3 and DynamoDB.

    The endpoints allow only image layers, the tables of `let_reach` and the bucket of `let_verify`.
    The load balancer belongs in `PUBLIC` subnets, tasks and functions in `PRIVATE`, the database in
    `ISOLATED`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: NetworkConfig,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)

        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=suffix.physical_name("transaction-vpc"),
            ip_addresses=ec2.IpAddresses.cidr("10.0.0.0/16"),
            max_azs=ZONES,
            nat_gateways=config.nat_gateways,
            # Nothing uses the default group, so it allows nothing.
            restrict_default_security_group=True,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=24,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name="private",
                    subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS,
                    cidr_mask=22,
                ),
                ec2.SubnetConfiguration(
                    name=_ISOLATED_NAME,
                    subnet_type=ec2.SubnetType.PRIVATE_ISOLATED,
                    cidr_mask=24,
                ),
            ],
        )
        inside = [PRIVATE, ISOLATED]
        self._s3 = self.vpc.add_gateway_endpoint(
            "S3", service=ec2.GatewayVpcEndpointAwsService.S3, subnets=inside
        )
        self._dynamodb = self.vpc.add_gateway_endpoint(
            "DynamoDb", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB, subnets=inside
        )
        stack = Stack.of(self)
        # ECR stores image layers in it.
        layers = f"prod-{stack.region}-starport-layer-bucket"
        _let_through(self._s3, ["s3:GetObject"], [f"arn:{stack.partition}:s3:::{layers}/*"])
        self._log_connections(suffix, key)

    def let_reach(
        self, table: dynamodb.ITable, *, actions: tuple[str, ...], has_indexes: bool = False
    ) -> None:
        """Allow these actions on `table` through the endpoint. Each role needs them as well."""
        indexes = [f"{table.table_arn}/index/*"] if has_indexes else []
        _let_through(self._dynamodb, [*actions], [table.table_arn, *indexes])

    def let_verify(self, store: AuditStore) -> None:
        """Allow reading the audit trail through the endpoint. The role needs it as well."""
        _let_through(self._s3, [*READ_RECORD], [store.records])
        _let_through(self._s3, [*LIST_RECORDS], [store.bucket.bucket_arn])

    def _log_connections(self, suffix: EnvironmentSuffix, key: kms.IKey) -> None:
        name = suffix.physical_name("transaction-flow-log")
        role = iam.Role(
            self,
            "FlowLogRole",
            role_name=suffix.physical_name("transaction-flow-log-role"),
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
        )
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                log_group(self, "FlowLogs", name=f"/aws/vpc/{name}", key=key), role
            ),
            traffic_type=ec2.FlowLogTrafficType.ALL,
            max_aggregation_interval=ec2.FlowLogMaxAggregationInterval.ONE_MINUTE,
        )


def _let_through(
    endpoint: ec2.GatewayVpcEndpoint, actions: list[str], resources: list[str]
) -> None:
    # The policy of an endpoint names all principals; their own policies limit them.
    endpoint.add_to_policy(
        iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=actions, resources=resources)
    )
