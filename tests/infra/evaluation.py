"""Evaluates a template's policies of roles together with the policy of a bucket.

The evaluator is that of MiniStack, which implements IAM's rules with conditions. The logical id of
a resource stands for what AWS chooses.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ministack.core.iam_evaluator import (
    EvalContext,
    combine_resource_policy,
    evaluate,
    evaluate_resource_policy,
    parse_policy_document,
)

from tests.infra.templates import Synthesized
from tests.infra.test_permissions import role_statements

ACCOUNT, REGION = "000000000000", "us-east-1"
_PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}


class Template(Protocol):
    """A stack's resources by logical id."""

    @property
    def resources(self) -> dict[str, Any]: ...


def resolved(stack: Template, value: Any) -> Any:
    """`value` with text in place of every reference."""
    if isinstance(value, list):
        return [resolved(stack, part) for part in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (next(iter(value)) == "Ref" or next(iter(value)).startswith("Fn::")):
        return _reference(stack, value)
    return {key: resolved(stack, part) for key, part in value.items()}


def _reference(stack: Template, value: dict[str, Any]) -> str:
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(resolved(stack, part) for part in parts)
        case {"Ref": name}:
            return _PSEUDO.get(name) or _name(stack, name)
        case {"Fn::GetAtt": [name, "Arn"]}:
            return arn_of(stack, name)
    return json.dumps(value)  # names nothing that is asked about


def arn_of(stack: Template, name: str) -> str:
    if stack.resources[name]["Type"] == "AWS::S3::Bucket":
        return f"arn:aws:s3:::{_name(stack, name)}"
    return f"arn:aws:any:{REGION}:{ACCOUNT}:{name}"


def _name(stack: Template, name: str) -> str:
    if stack.resources.get(name, {}).get("Type") == "AWS::S3::Bucket":
        return str(resolved(stack, stack.resources[name]["Properties"]["BucketName"]))
    return name


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A role with the statements of its own policies."""

    arn: str
    statements: tuple[Mapping[str, Any], ...]

    def may(
        self,
        action: str,
        resource: str,
        *,
        bucket_policy: Mapping[str, Any],
        context: Mapping[str, str] | None = None,
    ) -> bool:
        """Whether a request over TLS with the condition keys of `context` is allowed."""
        request = EvalContext(
            principal_arn=self.arn,
            principal_type="AssumedRole",
            principal_account=ACCOUNT,
            action=action,
            resource_arn=resource,
            region=REGION,
            secure_transport=True,
            # As IAM compares keys, in lower case. A request has no key that is not named.
            service_context={"s3:tlsversion": "1.3", **(context or {})},
        )
        own = evaluate(request, [parse_policy_document({"Statement": list(self.statements)})])
        both = combine_resource_policy(own, request, dict(bucket_policy), ACCOUNT)
        return bool(both.decision == "Allow")


def denies_plain_http(policy: Mapping[str, Any], *, action: str, resource: str) -> bool:
    """Whether a policy denies `action` to everyone whose request is not encrypted."""
    request = EvalContext(
        principal_arn=f"arn:aws:iam::{ACCOUNT}:role/anyone",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region=REGION,
        secure_transport=False,
    )
    return bool(evaluate_resource_policy(dict(policy), request).decision == "Deny")


def callers(stack: Synthesized) -> dict[str, Caller]:
    """Every role of the template, by its logical id."""
    statements: dict[str, list[Mapping[str, Any]]] = {r: [] for r in stack.all("AWS::IAM::Role")}
    for role, statement in role_statements(stack):
        statements[role].append(resolved(stack, statement))
    return {
        role: Caller(arn=arn_of(stack, role), statements=tuple(found))
        for role, found in statements.items()
    }
