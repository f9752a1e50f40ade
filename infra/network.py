"""The VPC: two zones, three kinds of subnets, and the ways out of it."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.naming import EnvironmentSuffix

ZONES: Final = 2


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    nat_gateways: int = 1  # one per zone keeps a lost zone from cutting the other's way out


class Network(Construct):
    """A VPC over exactly two zones; S3 and DynamoDB are reached without leaving it.

    Place the load balancer in `PUBLIC`, tasks and functions in `PRIVATE_WITH_EGRESS`, and the
    database in `PRIVATE_ISOLATED`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: NetworkConfig,
    ) -> None:
        super().__init__(scope, construct_id)

        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=suffix.physical_name("transaction-vpc"),
            ip_addresses=ec2.IpAddresses.cidr("10.0.0.0/16"),
            max_azs=ZONES,
            nat_gateways=config.nat_gateways,
            # Nothing of ours uses the default group, so it lets nothing in or out.
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
                    name="isolated",
                    subnet_type=ec2.SubnetType.PRIVATE_ISOLATED,
                    cidr_mask=24,
                ),
            ],
        )
        inside = [
            ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        ]
        self.vpc.add_gateway_endpoint(
            "S3", service=ec2.GatewayVpcEndpointAwsService.S3, subnets=inside
        )
        self.vpc.add_gateway_endpoint(
            "DynamoDb", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB, subnets=inside
        )
