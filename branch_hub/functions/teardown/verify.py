"""Lists the remaining resources of an environment, found by tag and by name."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.functions.teardown.gone import Listed, is_gone
from branch_hub.functions.teardown.listings import LISTINGS, Clients
from branch_hub.functions.teardown.names import is_named_for

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient


def remains(suffix: str, *, clients: Clients, stacks: StackFinder) -> list[str]:
    """Return `kind name` of everything that remains, in order. A key may wait for its deletion.

    Needs the operations of LISTINGS, `tag:GetResources`, and the operations of QUESTIONS.
    """
    listed = {each.kind: set(each.names(clients(each.service))) for each in LISTINGS}
    found = {f"tagged {arn}" for arn in _tagged(suffix, clients, listed)}
    found |= {f"stack {s.name}" for s in stacks.all() if is_named_for(s.name, suffix)}
    for kind, names in listed.items():
        found |= {f"{kind} {name}" for name in names if is_named_for(name, suffix)}
    return sorted(found)


def _tagged(suffix: str, clients: Clients, listed: Listed) -> Iterator[str]:
    tagging: ResourceGroupsTaggingAPIClient = clients("resourcegroupstaggingapi")
    pages = tagging.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": "environment-suffix", "Values": [suffix]}]
    )
    for page in pages:
        for resource in page["ResourceTagMappingList"]:
            arn = resource["ResourceARN"]
            if not is_gone(arn, clients=clients, listed=listed):
                yield arn
