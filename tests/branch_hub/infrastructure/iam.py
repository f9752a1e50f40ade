"""Evaluates the policies of a template as IAM does: explicit denials win, patterns are IAM's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.infra.templates import Synthesized, as_list

Statement = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Role:
    """The permissions of a role. Conditions are treated as met unless they are named as not met."""

    statements: tuple[Statement, ...]

    @classmethod
    def of(cls, stack: Synthesized, name: str) -> "Role":
        return cls(statements=tuple(stack.statements_of(name)))

    def may(self, action: str, resource: str, *, tagged: bool = True) -> bool:
        """`tagged`: whether `resource` carries the tags that conditions ask for."""
        matching = [s for s in self.statements if _covers(s, action, resource)]
        if any(s["Effect"] == "Deny" for s in matching):
            return False
        return any(tagged or "Condition" not in s for s in matching)

    def actions(self) -> set[str]:
        return {
            action
            for s in self.statements
            if s["Effect"] == "Allow"
            for action in as_list(s["Action"])
        }


def _covers(statement: Statement, action: str, resource: str) -> bool:
    return any(_like(a, action) for a in as_list(statement["Action"])) and any(
        _like(pattern, resource) for pattern in _patterns(statement)
    )


def _patterns(statement: Statement) -> Iterator[str]:
    """The literal patterns, without references to resources of the stack."""
    for resource in as_list(statement["Resource"]):
        if isinstance(resource, str):
            yield resource


def _like(pattern: str, value: str) -> bool:
    """`*` is anything, a slash too; `?` is one character."""
    expression = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    return re.fullmatch(expression, value, re.DOTALL) is not None
