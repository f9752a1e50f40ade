"""Lists the remaining resources of an environment, found by tag and by name."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.functions.teardown.listings import LISTINGS, Clients
from branch_hub.functions.teardown.names import is_named_for

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient


def remains(suffix: str, *, clients: Clients, stacks: StackFinder) -> list[str]:
    """Return `kind name` of everything that remains, in order. A key may wait for its deletion.

    Needs the operations of LISTINGS, `tag:GetResources`, and the operations of GONE.
    """
    found = {f"tagged {arn}" for arn in _tagged(suffix, clients)}
    found |= {f"stack {s.name}" for s in stacks.all() if is_named_for(s.name, suffix)}
    for listing in LISTINGS:
        for name in listing.names(clients(listing.service)):
            if is_named_for(name, suffix):
                found.add(f"{listing.kind} {name}")
    return sorted(found)


def _tagged(suffix: str, clients: Clients) -> Iterator[str]:
    tagging: ResourceGroupsTaggingAPIClient = clients("resourcegroupstaggingapi")
    pages = tagging.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": "environment-suffix", "Values": [suffix]}]
    )
    for page in pages:
        for resource in page["ResourceTagMappingList"]:
            arn = resource["ResourceARN"]
            if not _is_gone(arn, clients):
                yield arn


def _is_gone(arn: str, clients: Clients) -> bool:
    """The tagging API still lists deleted resources of some kinds: ask the owning service."""
    _, _, service, _, _, resource = arn.split(":", 5)
    kind = resource.replace(":", "/").partition("/")[0]
    ask = GONE.get((service, kind))
    if ask is None:
        return False
    try:
        return ask(clients(service), arn)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if "NotFound" in code or "not found" in error.response["Error"]["Message"].lower():
            return True
        raise


def _key_is_gone(kms: Any, arn: str) -> bool:
    state = kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
    return bool(state == "PendingDeletion")


def _secret_is_gone(secrets_manager: Any, arn: str) -> bool:
    return "DeletedDate" in secrets_manager.describe_secret(SecretId=arn)


def _nat_gateway_is_gone(ec2: Any, arn: str) -> bool:
    identity = arn.rpartition("/")[2]
    gateways = ec2.describe_nat_gateways(NatGatewayIds=[identity])["NatGateways"]
    return all(gateway["State"] in ("deleting", "deleted") for gateway in gateways)


def _table_is_gone(dynamodb: Any, arn: str) -> bool:
    table = dynamodb.describe_table(TableName=arn.rpartition("/")[2])["Table"]
    return bool(table["TableStatus"] == "DELETING")


def _cluster_is_gone(ecs: Any, arn: str) -> bool:
    clusters = ecs.describe_clusters(clusters=[arn])["clusters"]
    return all(cluster["status"] == "INACTIVE" for cluster in clusters)


def _service_is_gone(ecs: Any, arn: str) -> bool:
    cluster = arn.split("/")[1]
    services = ecs.describe_services(cluster=cluster, services=[arn])["services"]
    return all(service["status"] == "INACTIVE" for service in services)


def _task_definition_is_gone(ecs: Any, arn: str) -> bool:
    answer = ecs.describe_task_definition(taskDefinition=arn)
    return bool(answer["taskDefinition"]["status"] == "DELETE_IN_PROGRESS")


# By the service and the kind of resource in an ARN.
GONE: Final[Mapping[tuple[str, str], Callable[[Any, str], bool]]] = {
    ("kms", "key"): _key_is_gone,
    ("secretsmanager", "secret"): _secret_is_gone,
    ("dynamodb", "table"): _table_is_gone,
    ("ec2", "natgateway"): _nat_gateway_is_gone,
    ("ecs", "cluster"): _cluster_is_gone,
    ("ecs", "service"): _service_is_gone,
    ("ecs", "task-definition"): _task_definition_is_gone,
}
