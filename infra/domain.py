"""A configured domain name for the API, instead of the name of the load balancer."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from infra.naming import EnvironmentSuffix

# Replaced by the suffix where environments share a zone and a wildcard certificate.
ANY_SUFFIX: Final = "*"


@dataclass(frozen=True, kw_only=True)
class HostedZone:
    """The Route 53 zone in which the record is created."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class DomainConfig:
    """`certificate_arn` is in ACM and covers `name`. Without `zone` the stack creates no record."""

    name: str
    certificate_arn: str
    zone: HostedZone | None = None

    def host(self, suffix: EnvironmentSuffix) -> str:
        return self.name.replace(ANY_SUFFIX, str(suffix), 1)


def point_to(
    scope: Construct,
    construct_id: str,
    *,
    host: str,
    zone: HostedZone,
    load_balancer: elbv2.IApplicationLoadBalancer,
) -> route53.ARecord:
    """Create an alias record from `host` to the load balancer; deleted with the stack."""
    return route53.ARecord(
        scope,
        construct_id,
        zone=route53.HostedZone.from_hosted_zone_attributes(
            scope, f"{construct_id}Zone", hosted_zone_id=zone.id, zone_name=zone.name
        ),
        record_name=f"{host}.",
        target=route53.RecordTarget.from_alias(targets.LoadBalancerTarget(load_balancer)),
    )
