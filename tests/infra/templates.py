"""A synthesized template, and functions to query it."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from infra.config import EnvironmentConfig
from infra.fault_injection import FaultInjection
from infra.naming import EnvironmentSuffix
from infra.transaction_stack import TransactionStack
from tests.infra.context import UNBUNDLED

SUFFIX = EnvironmentSuffix("dev")

# A suffix of the maximum length: a limit that holds for it holds for all.
LONGEST = EnvironmentSuffix("aaaaaaaaa-bbbbbb")

Resource = dict[str, Any]


class Synthesized:
    """One stack's template. Resources are found by type and, where needed, by their name."""

    def __init__(self, stack: cdk.Stack) -> None:
        self.json: dict[str, Any] = dict(Template.from_stack(stack).to_json())
        self.resources: dict[str, Resource] = self.json["Resources"]

    @classmethod
    @cache  # one synth for all tests of a process
    def environment(
        cls, config: EnvironmentConfig, *, suffix: EnvironmentSuffix = SUFFIX
    ) -> "Synthesized":
        app = cdk.App(context=UNBUNDLED, analytics_reporting=False)
        return cls(TransactionStack(app, "Transaction", suffix=suffix, config=config))

    @classmethod
    @cache
    def drills(cls, suffix: EnvironmentSuffix = SUFFIX) -> "Synthesized":
        app = cdk.App(context=UNBUNDLED, analytics_reporting=False)
        return cls(FaultInjection(app, "FaultInjection", suffix=suffix))

    def all(self, kind: str) -> dict[str, Resource]:
        return {name: r for name, r in self.resources.items() if r["Type"] == kind}

    def properties(self, kind: str) -> list[dict[str, Any]]:
        return [r.get("Properties", {}) for r in self.all(kind).values()]

    def only(self, kind: str, **having: object) -> tuple[str, dict[str, Any]]:
        """The logical id and properties of the one resource of `kind` that has these values."""
        (found,) = (
            (name, resource["Properties"])
            for name, resource in self.all(kind).items()
            if having.items() <= resource["Properties"].items()
        )
        return found

    def one(self, kind: str, **having: object) -> dict[str, Any]:
        return self.only(kind, **having)[1]

    def comes_before(self, first: str, then: str) -> bool:
        """True if CloudFormation finishes `first` before it starts `then`."""
        return first in self._needs(then, set())

    def _needs(self, name: str, seen: set[str]) -> set[str]:
        for needed in _references(self.resources[name]):
            if needed in self.resources and needed not in seen:
                seen.add(needed)
                self._needs(needed, seen)
        return seen

    def statements_of(self, role: str) -> list[dict[str, Any]]:
        """Every policy statement of the role with this name."""
        logical_id, _ = self.only("AWS::IAM::Role", RoleName=role)
        return [
            statement
            for policy in self.properties("AWS::IAM::Policy")
            if {"Ref": logical_id} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def actions_of(self, role: str) -> set[str]:
        """Every action that the role with this name is allowed."""
        return {
            action
            for statement in self.statements_of(role)
            if statement["Effect"] == "Allow"
            for action in as_list(statement["Action"])
        }


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: object) -> str:
    return json.dumps(value)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from as_list(value.get("DependsOn", []))
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        if "Fn::GetAtt" in value:
            yield value["Fn::GetAtt"][0]
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)
