"""S64: `make check-roles` asks about every role that an environment has, and asks enough."""

import re

import pytest

from infra.config import EPHEMERAL, EnvironmentConfig
from operations.check_roles import match
from operations.role_expectations import ROLES, questions
from operations.role_names import Names
from tests.infra.configurations import NAMED, PRODUCTION_ELSEWHERE
from tests.infra.templates import Synthesized, text

NAMES = Names(
    suffix="dev",
    partition="aws",
    account="111111111111",
    region="us-east-1",
    looked_up={
        name: f"arn:of:{name}"
        for name in (
            "key",
            "admin secret",
            "service secret",
            "processor secret",
            "auditor secret",
            "api secret",
            "authority secret",
        )
    },
)
ENVIRONMENTS = (EPHEMERAL, NAMED, PRODUCTION_ELSEWHERE)


def matched(stack: Synthesized) -> dict[str, str | None]:
    """The name in ROLES of every role of the stack."""
    return {
        logical_id: match(
            logical_id=logical_id, role=str(role["Properties"].get("RoleName")), suffix="dev"
        )
        for logical_id, role in stack.all("AWS::IAM::Role").items()
    }


@pytest.mark.parametrize("config", ENVIRONMENTS)
def test_s64_it_is_written_of_every_role_what_it_needs(config: EnvironmentConfig) -> None:
    """A role that is missing is to be added to operations/role_expectations.py."""
    assert [i for i, name in matched(Synthesized.environment(config)).items() if not name] == []


def test_s64_nothing_is_written_of_a_role_that_does_not_exist() -> None:
    drills = set(matched(Synthesized.drills()).values())

    def missing(config: EnvironmentConfig) -> set[str]:
        return set(ROLES) - set(matched(Synthesized.environment(config)).values()) - drills

    assert missing(PRODUCTION_ELSEWHERE) == set()
    optional = {name for name, known in ROLES.items() if not known.is_everywhere}
    assert missing(NAMED) == optional - drills
    assert drills <= optional


def test_s64_a_right_of_one_role_is_denied_to_every_other() -> None:
    """But to those that need it, too. So a role without any needs is denied them all."""
    asked = {
        name: {
            (q.action, q.resource): q.expected
            for q in questions(NAMES, "any", role)
            if q.context is None
        }
        for name, role in ROLES.items()
    }
    append = ("s3:PutObject", NAMES.resources["record"])
    delete = ("s3:DeleteObject", NAMES.resources["record"])

    assert [name for name, answers in asked.items() if answers[append]] == ["audit-writer"]
    assert not any(answers[delete] for answers in asked.values())
    assert {frozenset(answers) for answers in asked.values()} == {frozenset(asked["audit-writer"])}


def test_s64_what_is_asked_about_is_there() -> None:
    """A question about a name that no resource has is always answered `denied`."""
    template = text(Synthesized.environment(EPHEMERAL).json)
    names = {
        name for arn in NAMES.resources.values() for name in re.findall(r"[a-z/-]+-dev\b", arn)
    }

    assert {n for n in names if n.strip("/").split("/")[-1] not in template} == set()
    assert len(names) > 10
