"""The instances of an environment's database cluster, with their roles and zones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from page.account import Account
from page.cards import Subject
from page.readers.stacks import environment_stack, resources

_CLUSTER: Final = "AWS::RDS::DBCluster"


@dataclass(frozen=True, kw_only=True)
class Instance:
    name: str
    role: str  # writer or reader
    zone: str
    state: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Cluster:
    name: str
    state: str
    engine: str
    instances: Sequence[Instance]


def databases(account: Account, subject: Subject) -> list[Cluster]:
    """Raises NotThere if there is no such environment."""
    stack = environment_stack(account, subject["suffix"])
    return [_cluster(account, name) for name in resources(account, stack).get(_CLUSTER, [])]


def _cluster(account: Account, name: str) -> Cluster:
    cluster = account.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
    roles = {
        member["DBInstanceIdentifier"]: "writer" if member["IsClusterWriter"] else "reader"
        for member in cluster["DBClusterMembers"]
    }
    pages = account.rds.get_paginator("describe_db_instances").paginate(
        Filters=[{"Name": "db-cluster-id", "Values": [name]}]
    )
    instances = [
        Instance(
            name=instance["DBInstanceIdentifier"],
            role=roles.get(instance["DBInstanceIdentifier"], "leaves the cluster"),
            zone=instance.get("AvailabilityZone", ""),
            state=instance["DBInstanceStatus"],
            address=instance.get("Endpoint", {}).get("Address", ""),
        )
        for page in pages
        for instance in page["DBInstances"]
        if instance.get("DBClusterIdentifier") == name
    ]
    return Cluster(
        name=name,
        state=cluster["Status"],
        engine=f"{cluster['Engine']} {cluster['EngineVersion']}",
        instances=sorted(instances, key=lambda i: (i.role != "writer", i.name)),
    )
