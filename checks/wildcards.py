"""Lists the wildcards in the permissions of roles and of resources, action by action.

cdk-nag finds the same (AwsSolutions-IAM5) but names action and resource apart: accepted for one
action, `Resource::*` would be accepted for every other action of the role.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from checks.assembly import StackTemplate
from checks.findings import Finding

RULE: Final = "AwsSolutions-IAM5"
# Not a rule of cdk-nag, which does not read the policies of buckets, keys and queues.
FAMILY: Final = "ActionFamily"
_POLICIES: Final = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


def wildcards(templates: Iterable[StackTemplate]) -> Iterator[Finding]:
    """Yield every allowed pair of action and resource that has a wildcard, as `action on resource`.

    A reference is written as `<LogicalId>` or `<LogicalId.Arn>`.
    """
    for template in templates:
        resources = json.loads(template.file.read_text())["Resources"]
        for logical_id, resource in resources.items():
            for statement in _statements(resource):
                for action in _list(statement.get("Action", "*")):
                    for target in _list(statement.get("Resource", "*")):
                        detail = f"{action} on {_flat(target)}"
                        if "*" in detail or "?" in detail:
                            yield Finding(
                                rule=RULE,
                                where=template.place(logical_id),
                                detail=detail,
                                configuration=template.configuration,
                            )


def action_families(templates: Iterable[StackTemplate]) -> Iterator[Finding]:
    """Yield every action with a wildcard that the policy of a resource allows, with its principal.

    As `action for principal`. `NotAction` counts as a wildcard.
    """
    for template in templates:
        resources = json.loads(template.file.read_text())["Resources"]
        for logical_id, resource in resources.items():
            for statement in _allowed_in(resource.get("Properties", {})):
                principals = statement["Principal"]
                named = principals if isinstance(principals, dict) else {"AWS": principals}
                for action in _list(statement.get("Action", "*")):
                    for who in (name for names in named.values() for name in _list(names)):
                        if "*" in action:
                            yield Finding(
                                rule=FAMILY,
                                where=template.place(logical_id),
                                detail=f"{action} for {_flat(who)}",
                                configuration=template.configuration,
                            )


def _allowed_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every statement in `value` that allows something to a principal."""
    if isinstance(value, dict):
        if value.get("Effect") == "Allow" and "Principal" in value:
            yield value
        for part in value.values():
            yield from _allowed_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _allowed_in(part)


def _statements(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    properties = resource.get("Properties", {})
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    if resource["Type"] in _POLICIES:
        documents.append(properties["PolicyDocument"])
    for document in documents if resource["Type"].startswith("AWS::IAM::") else []:
        yield from (s for s in document["Statement"] if s["Effect"] == "Allow")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _flat(value: Any) -> str:
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_flat(part) for part in parts)
        case {"Fn::GetAtt": [logical_id, attribute]}:
            return f"<{logical_id}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
    return str(value)
