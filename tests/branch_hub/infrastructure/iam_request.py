"""Evaluates policies for a request with its context, as IAM does.

A key that is not in the request's context meets no condition. A pattern of an ARN is compared
segment by segment, and the service must be written out:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.infra.templates import as_list

Statement = Mapping[str, Any]
_SEGMENTS: Final = 6


@dataclass(frozen=True, kw_only=True)
class Request:
    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


def is_allowed(statements: Iterable[Statement], request: Request) -> bool:
    effects = {s["Effect"] for s in statements if _applies(s, request)}
    return effects == {"Allow"}


def like(pattern: str, value: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _applies(statement: Statement, request: Request) -> bool:
    return (
        _has_action(statement, request.action)
        and _has_resource(statement, request.resource)
        and all(
            _is_met(operator, key, as_list(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _has_action(statement: Statement, action: str) -> bool:
    if "NotAction" in statement:
        return not any(like(a, action) for a in as_list(statement["NotAction"]))
    return any(like(a, action) for a in as_list(statement["Action"]))


def _has_resource(statement: Statement, resource: str) -> bool:
    if "NotResource" in statement:
        return not any(_covers(r, resource) for r in as_list(statement["NotResource"]))
    return any(_covers(r, resource) for r in as_list(statement["Resource"]))


def _covers(pattern: str, resource: str) -> bool:
    if pattern == "*":
        return True
    wanted, found = pattern.split(":", _SEGMENTS - 1), resource.split(":", _SEGMENTS - 1)
    assert len(wanted) == _SEGMENTS, f"{pattern} is no ARN"
    assert "*" not in wanted[2], f"{pattern}: IAM refuses a wildcard as the service"
    return len(found) == _SEGMENTS and all(map(like, wanted, found))


def _is_met(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    match operator:
        case "StringEquals":
            return context.get(key) in values
        case "ArnLike":  # segment by segment
            return key in context and any(_covers(value, context[key]) for value in values)
        case "StringNotEquals":  # also if the request does not have the key
            return context.get(key) not in values
        case "ForAllValues:StringLike":
            return key not in context or any(like(value, context[key]) for value in values)
    raise AssertionError(f"{operator}: the evaluation does not know it")
