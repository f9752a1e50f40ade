"""S64: `make check-roles` asks about every role that an environment has, and asks enough."""

import re

import pytest

from infra.config import EPHEMERAL, EnvironmentConfig
from operations.check_roles import DENIALS_MIN, match, summary
from operations.role_expectations import Expectation, expectations, questions
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
        for name in ("key", "admin secret", "service secret", "processor secret", "api secret")
    },
)
KNOWN = expectations(NAMES)


def expectation_of(logical_id: str, role: dict[str, object]) -> Expectation:
    name = str(role.get("RoleName", logical_id))
    found = match(KNOWN, logical_id=logical_id, role=name, suffix="dev")
    assert found is not None, f"say in operations/role_expectations.py what {name} may do"
    return KNOWN[found]


@pytest.mark.parametrize("config", [EPHEMERAL, NAMED, PRODUCTION_ELSEWHERE])
def test_s64_it_is_said_of_every_role_what_it_may_do(config: EnvironmentConfig) -> None:
    for logical_id, role in Synthesized.environment(config).all("AWS::IAM::Role").items():
        assert expectation_of(logical_id, role["Properties"])


def met(stack: Synthesized) -> set[str | None]:
    return {
        match(KNOWN, logical_id=i, role=str(r["Properties"].get("RoleName")), suffix="dev")
        for i, r in stack.all("AWS::IAM::Role").items()
    }


def test_s64_nothing_is_said_of_a_role_that_is_not_there() -> None:
    assert met(Synthesized.environment(EPHEMERAL)) == set(KNOWN)
    assert met(Synthesized.environment(NAMED)) == {
        name for name, known in KNOWN.items() if known.is_everywhere
    }


@pytest.mark.parametrize("base", KNOWN)
def test_s64_each_role_is_asked_of_enough_that_would_matter_in_a_breach(base: str) -> None:
    """Not counting what depends on the request, which the local cloud does not look at."""
    asked = [q for q in questions(NAMES, "any", KNOWN[base]) if not q.context]

    denied = {(q.action, q.resource) for q in asked if not q.expected}
    needed = {(q.action, q.resource) for q in asked if q.expected}
    assert len(denied) >= DENIALS_MIN
    assert not denied & needed


def test_s64_what_is_asked_about_is_there() -> None:
    """A question about a name that nothing has is answered `denied` whatever a role may do."""
    template = text(Synthesized.environment(EPHEMERAL).json)
    names = {
        name for arn in NAMES.resources.values() for name in re.findall(r"[a-z/-]+-dev\b", arn)
    }

    assert {n for n in names if n.strip("/").split("/")[-1] not in template} == set()
    assert len(names) > 10


def test_a_role_without_findings_does_not_read_like_one() -> None:
    said = summary("r", needed=0, denied=33, skipped=0, wrong=0)
    assert said == "r: rights checked: 0 needed, 33 denied: all as expected"
    assert summary("r", needed=1, denied=8, skipped=2, wrong=3).endswith("2 left out: 3 WRONG")
