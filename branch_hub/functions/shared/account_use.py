"""What the account uses of each quota beside the environments that the hub counts itself.

`OthersUse.of` reads it from the service that owns the resource. Needs the actions of `READS`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from branch_hub.functions.shared import account_quotas as quotas

# AWS has no narrower resource: each lists all of a kind, or reads values of the account.
READS: Final = (
    "cloudwatch:GetMetricStatistics",
    "ec2:DescribeAddresses",
    "ec2:DescribeNatGateways",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeLoadBalancers",
    "lambda:GetAccountSettings",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetServiceQuota",
)
_SUFFIX_TAG: Final = "environment-suffix"
_OUR_NAMES: Final = "transaction-"
# The only source of this number. Fargate publishes it every few minutes.
_FARGATE_METRIC: Final = {
    "Namespace": "AWS/Usage",
    "MetricName": "ResourceCount",
    "Dimensions": [
        {"Name": "Type", "Value": "Resource"},
        {"Name": "Resource", "Value": "vCPU"},
        {"Name": "Service", "Value": "Fargate"},
        {"Name": "Class", "Value": "Standard/OnDemand"},
    ],
}
_FARGATE_WINDOW: Final = timedelta(minutes=15)


class OthersUse:
    """Leaves out the resources of environments with a suffix in `ours`. `ours_need` is what these
    need of the quota together."""

    def __init__(
        self, *, client: Callable[[str], Any], now: datetime, ours: Collection[str]
    ) -> None:
        self._client = client
        self._now = now
        self._ours = ours

    def of(self, quota: quotas.AccountQuota, *, ours_need: float) -> float:
        """Raises ClientError and BotoCoreError."""
        if quota is quotas.FARGATE_VCPU:
            # The metric has no names. As long as it is below our own needs, others show as none.
            return max(0.0, self._fargate_vcpu() - ours_need)
        return float(_COUNTS[quota.code](self) if quota.code in _COUNTS else 0)

    def _elastic_ips(self) -> int:
        return self._not_ours_by_tag(self._client("ec2").describe_addresses()["Addresses"])

    def _vpcs(self) -> int:
        return self._not_ours_by_tag(self._pages("ec2", "describe_vpcs", "Vpcs"))

    def _gateway_endpoints(self) -> int:
        filters = [{"Name": "vpc-endpoint-type", "Values": ["Gateway"]}]
        found = self._pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=filters)
        return self._not_ours_by_tag(found)

    def _nat_gateways(self) -> int:
        """In the zone that has most: every environment has its first gateway in the same zone."""
        states = [{"Name": "state", "Values": ["pending", "available", "deleting"]}]
        found = self._pages("ec2", "describe_nat_gateways", "NatGateways", Filter=states)
        subnets = [g.get("SubnetId") for g in found if not self._is_tagged_ours(g)]
        if not subnets:
            return 0
        zones = {
            subnet["SubnetId"]: subnet["AvailabilityZone"]
            for subnet in self._pages("ec2", "describe_subnets", "Subnets")
        }
        # A regional gateway has no subnet; it counts in every zone.
        placed = [zones.get(subnet) for subnet in subnets]
        in_zones = [placed.count(zone) for zone in {*placed} - {None}]
        return placed.count(None) + max(in_zones, default=0)

    def _load_balancers(self) -> int:
        found = self._pages("elbv2", "describe_load_balancers", "LoadBalancers")
        return self._not_ours_by_name(
            balancer["LoadBalancerName"] for balancer in found if balancer["Type"] == "application"
        )

    def _database_clusters(self) -> int:
        found = self._pages("rds", "describe_db_clusters", "DBClusters")
        return self._not_ours_by_name(cluster["DBClusterIdentifier"] for cluster in found)

    def _database_instances(self) -> int:
        found = self._pages("rds", "describe_db_instances", "DBInstances")
        return self._not_ours_by_name(instance["DBInstanceIdentifier"] for instance in found)

    def _reserved_executions(self) -> int:
        limit = self._client("lambda").get_account_settings()["AccountLimit"]
        return int(limit["ConcurrentExecutions"] - limit["UnreservedConcurrentExecutions"])

    def _fargate_vcpu(self) -> float:
        answer = self._client("cloudwatch").get_metric_statistics(
            **_FARGATE_METRIC,
            StartTime=self._now - _FARGATE_WINDOW,
            EndTime=self._now,
            Period=300,
            Statistics=["Maximum"],
        )
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        return float(points[-1]["Maximum"]) if points else 0.0

    def _pages(self, service: str, operation: str, field: str, **request: Any) -> list[Any]:
        pages = self._client(service).get_paginator(operation).paginate(**request)
        return [item for page in pages for item in page[field]]

    def _not_ours_by_tag(self, found: Iterable[Mapping[str, Any]]) -> int:
        return sum(not self._is_tagged_ours(item) for item in found)

    def _is_tagged_ours(self, item: Mapping[str, Any]) -> bool:
        tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
        return tags.get(_SUFFIX_TAG) in self._ours

    def _not_ours_by_name(self, names: Iterable[str]) -> int:
        ends = tuple(f"-{suffix}" for suffix in self._ours)
        return sum(not (name.startswith(_OUR_NAMES) and name.endswith(ends)) for name in names)


# Other builds in the account run for minutes only: they are not counted.
_COUNTS: Final[Mapping[str, Callable[[OthersUse], int]]] = {
    quotas.ELASTIC_IPS.code: OthersUse._elastic_ips,
    quotas.VPCS.code: OthersUse._vpcs,
    quotas.NAT_GATEWAYS.code: OthersUse._nat_gateways,
    quotas.GATEWAY_ENDPOINTS.code: OthersUse._gateway_endpoints,
    quotas.LOAD_BALANCERS.code: OthersUse._load_balancers,
    quotas.DATABASE_CLUSTERS.code: OthersUse._database_clusters,
    quotas.DATABASE_INSTANCES.code: OthersUse._database_instances,
    quotas.LAMBDA_EXECUTIONS.code: OthersUse._reserved_executions,
}
