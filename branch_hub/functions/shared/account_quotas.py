"""The quotas of an AWS account that an environment uses up, with the defaults that AWS documents.

Defaults and names: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html (the
page of each service). A new account may have less. Quotas that are far from being reached are left
out, such as 5,000 network interfaces in a region.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class AccountQuota:
    """`service` and `code` identify it in Service Quotas. For one that is in use, `queued` more may
    wait in a queue."""

    name: str
    service: str
    code: str
    default: int
    queued: int = 0

    @property
    def label(self) -> str:
        return f"{self.name} ({self.service} {self.code})"

    def increase(self, value: int, *, region: str) -> str:
        """The command that requests `value`. AWS refuses a request below the default."""
        return (
            f"aws service-quotas request-service-quota-increase --service-code {self.service} "
            f"--quota-code {self.code} --desired-value {max(value, self.default)} --region {region}"
        )


ELASTIC_IPS: Final = AccountQuota(
    name="EC2-VPC Elastic IPs", service="ec2", code="L-0263D0A3", default=5
)
# The quota of internet gateways rises with that of VPCs.
VPCS: Final = AccountQuota(name="VPCs per Region", service="vpc", code="L-F678F1CE", default=5)
NAT_GATEWAYS: Final = AccountQuota(
    name="NAT gateways per Availability Zone", service="vpc", code="L-FE5A380F", default=5
)
GATEWAY_ENDPOINTS: Final = AccountQuota(
    name="Gateway VPC endpoints per Region", service="vpc", code="L-1B52E74A", default=20
)
FARGATE_VCPU: Final = AccountQuota(
    name="Fargate On-Demand vCPU resource count", service="fargate", code="L-3032A538", default=6
)
LOAD_BALANCERS: Final = AccountQuota(
    name="Application Load Balancers per Region",
    service="elasticloadbalancing",
    code="L-53DA6B97",
    default=50,
)
DATABASE_CLUSTERS: Final = AccountQuota(
    name="DB clusters", service="rds", code="L-952B80B8", default=40
)
DATABASE_INSTANCES: Final = AccountQuota(
    name="DB instances", service="rds", code="L-7B6409FD", default=40
)
LAMBDA_EXECUTIONS: Final = AccountQuota(
    name="Concurrent executions", service="lambda", code="L-B99A9384", default=1000
)
# Five builds may wait for each that runs:
# https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html
SMALL_BUILDS: Final = AccountQuota(
    name="Concurrently running builds for Linux/Small environment",
    service="codebuild",
    code="L-9D07B6EF",
    default=1,
    queued=5,
)
MEDIUM_BUILDS: Final = AccountQuota(
    name="Concurrently running builds for Linux/Medium environment",
    service="codebuild",
    code="L-2DC20C30",
    default=1,
    queued=5,
)

QUOTAS: Final[Mapping[str, AccountQuota]] = {
    quota.code: quota
    for quota in (
        ELASTIC_IPS,
        VPCS,
        NAT_GATEWAYS,
        GATEWAY_ENDPOINTS,
        FARGATE_VCPU,
        LOAD_BALANCERS,
        DATABASE_CLUSTERS,
        DATABASE_INSTANCES,
        LAMBDA_EXECUTIONS,
        SMALL_BUILDS,
        MEDIUM_BUILDS,
    )
}

# What one environment needs, by the code of the quota.
Needs = Mapping[str, float]
