"""Production's own account trusts the roles of the trunk's pipeline, and no other role."""

import copy
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from infra.errors import ConfigurationError
from infra.naming import EnvironmentSuffix
from pipeline.bootstrap_trust import TRUSTED, VARIANT, narrowed
from tests.delivered import Delivered
from tests.infra.context import REPOSITORY
from tests.infra.templates import as_list

HERE, THERE = "111111111111", "222222222222"
TRUNK = EnvironmentSuffix.of_branch("main")


@pytest.fixture(scope="module")
def standard() -> dict[str, Any]:
    """The template of exactly the pinned CLI."""
    done = subprocess.run(
        ["npx", "--no-install", "cdk", "bootstrap", "--show-template"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    return dict(yaml.safe_load(done.stdout))


@pytest.fixture(scope="module")
def ours(standard: dict[str, Any]) -> dict[str, Any]:
    return narrowed(standard, account=HERE, suffix=TRUNK)


def trusts(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement that trusts another account, with the role's logical id."""
    for logical_id, resource in template["Resources"].items():
        trust = resource.get("Properties", {}).get("AssumeRolePolicyDocument", {})
        for statement in trust.get("Statement", []):
            inner = statement["Fn::If"][1] if "Fn::If" in statement else statement
            if "TrustedAccounts" in json.dumps(inner["Principal"]):
                yield logical_id, inner


def conditions(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """Those for both values of DenyExternalId."""
    found = statement["Condition"]
    return list(found["Fn::If"][1:]) if "Fn::If" in found else [found]


def allowed(template: dict[str, Any], role: str, *, principal: str) -> bool:
    """Whether a session of `principal`, of the trusted account, may assume `role`."""

    def holds(condition: dict[str, Any]) -> bool:
        arns = [arn["Fn::Sub"] for arn in condition["ArnEquals"]["aws:PrincipalArn"]]
        return principal in [str(arn).replace("${AWS::Partition}", "aws") for arn in arns]

    mine = [statement for logical_id, statement in trusts(template) if logical_id == role]
    assert mine
    return any(holds(condition) for statement in mine for condition in conditions(statement))


def arn(name: str, account: str = HERE) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def test_s64_only_what_is_trusted_differs_from_the_standard_template(
    standard: dict[str, Any], ours: dict[str, Any]
) -> None:
    changed = copy.deepcopy(ours)
    changed["Parameters"]["BootstrapVariant"]["Default"] = standard["Parameters"][
        "BootstrapVariant"
    ]["Default"]
    for _, statement in trusts(changed):
        for condition in conditions(statement):
            assert list(condition.pop("ArnEquals")) == ["aws:PrincipalArn"]
        if statement["Condition"] == {}:
            del statement["Condition"]
        elif statement["Condition"]["Fn::If"][2] == {}:
            statement["Condition"]["Fn::If"][2] = {"Ref": "AWS::NoValue"}

    assert changed == standard
    # Otherwise `cdk bootstrap --trust` would widen the trust again, unasked.
    assert ours["Parameters"]["BootstrapVariant"]["Default"] == VARIANT


def test_s64_each_role_of_the_trunk_may_assume_what_it_needs(
    ours: dict[str, Any], across_accounts: Delivered
) -> None:
    """All that the synthesized pipeline may assume in the other account."""
    names = {
        "deploy": "DeploymentActionRole",
        "file-publishing": "FilePublishingRole",
        "image-publishing": "ImagePublishingRole",
        "lookup": "LookupRole",
    }
    assumed = set()
    for policy in across_accounts.pipeline.properties("AWS::IAM::Policy"):
        (role,) = policy["Roles"]
        own = across_accounts.pipeline.resources[role["Ref"]]["Properties"]
        for statement in policy["PolicyDocument"]["Statement"]:
            text = json.dumps(statement["Resource"])
            if "sts:AssumeRole" in as_list(statement["Action"]) and THERE in text:
                for kind in (k for k in names if f"-{k}-role-{THERE}" in text):
                    assert allowed(ours, names[kind], principal=arn(own["RoleName"])), kind
                    assumed.add(names[kind])

    assert assumed == TRUSTED.keys()


@pytest.mark.parametrize("role", sorted(TRUSTED))
@pytest.mark.parametrize(
    "principal",
    [
        arn("any"),
        arn("transaction-pipeline-role-feature-x-5femoa"),
        arn("transaction-pipeline-role-main-v4grq1-2"),
        arn("x/transaction-pipeline-role-main-v4grq1"),
        arn("transaction-pipeline-role-main-v4grq1", account="333333333333"),
        f"arn:aws:iam::{HERE}:root",
    ],
)
def test_s64_no_role_that_a_branch_can_create_is_trusted(
    ours: dict[str, Any], role: str, principal: str
) -> None:
    assert not allowed(ours, role, principal=principal)


@pytest.mark.parametrize("role", sorted(TRUSTED))
def test_s64_each_role_trusts_its_roles_by_their_exact_names(
    ours: dict[str, Any], role: str
) -> None:
    text = json.dumps([statement for found, statement in trusts(ours) if found == role])

    others = {name for names in TRUSTED.values() for name in names if f"/{name}-" in text}
    assert others == {*TRUSTED[role]}
    assert "*" not in text


def test_s64_a_template_that_trusts_elsewhere_is_refused(standard: dict[str, Any]) -> None:
    """A newer CDK may trust other accounts in a new role."""
    changed = copy.deepcopy(standard)
    changed["Resources"]["NewRole"] = changed["Resources"]["LookupRole"]

    with pytest.raises(ConfigurationError, match=r"trusts other accounts in .*NewRole"):
        narrowed(changed, account=HERE, suffix=TRUNK)
