"""B11: preflight says whether the account is bootstrapped as our stacks need it."""

import json
import urllib.parse
from typing import Any

import pytest

from operations.preflight.bootstrap import VERSION_MIN, bootstrap, production_account
from tests.delivered import Delivered
from tests.operations.preflight.conftest import ACCOUNT, Ask

COMMAND = f'npx --no-install cdk bootstrap --app "" aws://{ACCOUNT}/us-east-1'
ROLE = f"cdk-hnb659fds-deploy-role-{ACCOUNT}-us-east-1"
OTHER = "222222222222"


def version(value: int) -> dict[str, Any]:
    return {"ssm.get_parameter": {"Parameter": {"Value": str(value)}}}


def role(account: str) -> dict[str, Any]:
    policy = json.dumps({"Statement": [{"Principal": {"AWS": f"arn:aws:iam::{account}:root"}}]})
    return {
        "iam.get_role": {
            "Role": {
                "Path": "/",
                "RoleName": ROLE,
                "RoleId": "AROA0123456789ABCDEF",
                "Arn": f"arn:aws:iam::{account}:role/{ROLE}",
                "CreateDate": 0,
                "AssumeRolePolicyDocument": urllib.parse.quote(policy),
            }
        }
    }


def test_b11_a_bootstrapped_account_is_fine(ask: Ask) -> None:
    assert ask(bootstrap, {**version(VERSION_MIN), **role(ACCOUNT)}) == [
        f"fine: bootstrap: version {VERSION_MIN} ({VERSION_MIN} is needed)",
        f"fine: bootstrap: {ROLE} trusts account {ACCOUNT}",
    ]


def test_b11_an_account_without_bootstrap_gets_the_command(ask: Ask) -> None:
    assert ask(bootstrap, {"ssm.get_parameter": "ParameterNotFound"}) == [
        f"to do: bootstrap: aws://{ACCOUNT}/us-east-1 is not bootstrapped: {COMMAND}"
    ]


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        (
            {**version(VERSION_MIN - 1), **role(ACCOUNT)},
            f"to do: bootstrap: it has version 7, 8 is needed: {COMMAND}",
        ),
        (
            {**version(VERSION_MIN), "iam.get_role": "NoSuchEntity"},
            f"to do: bootstrap: the role {ROLE} does not exist: {COMMAND}",
        ),
        (
            {**version(VERSION_MIN), **role(OTHER)},
            f"to do: bootstrap: {ROLE} does not trust account {ACCOUNT}: {COMMAND}",
        ),
    ],
)
def test_b11_an_unusable_bootstrap_is_found(ask: Ask, answers: dict[str, Any], line: str) -> None:
    assert line in ask(bootstrap, answers)


@pytest.mark.parametrize("denied", ["ssm.get_parameter", "iam.get_role"])
def test_b11_a_refused_permission_names_the_operation(ask: Ask, denied: str) -> None:
    answers = {**version(VERSION_MIN), denied: "AccessDenied"}
    if denied == "ssm.get_parameter":
        answers = {denied: "AccessDeniedException"}

    assert "these credentials may not call Get" in ask(bootstrap, answers)[-1]


def test_b11_no_stack_of_ours_needs_a_newer_bootstrap(delivered: Delivered) -> None:
    needed = [
        properties.get("requiresBootstrapStackVersion", 0)
        for file in delivered.outdir.rglob("manifest.json")
        for artifact in json.loads(file.read_text()).get("artifacts", {}).values()
        for properties in (
            artifact.get("properties", {}),
            artifact.get("properties", {}).get("lookupRole", {}),
        )
    ]

    assert max(needed) == VERSION_MIN


def test_b11_productions_account_is_asked_only_if_it_is_another(ask: Ask) -> None:
    assert ask(production_account, {}) == []


def test_b11_productions_account_that_trusts_this_one_is_fine(ask: Ask) -> None:
    credentials = {
        "AccessKeyId": "A" * 16, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": 0,
    }  # fmt: skip
    answers = {"sts.assume_role": {"Credentials": credentials}}

    assert ask(production_account, answers, productionAccount=OTHER) == [
        f"fine: production account: {OTHER} is bootstrapped and trusts {ACCOUNT}"
    ]


def test_b11_productions_account_that_cannot_be_asked_is_no_failure(ask: Ask) -> None:
    """Its trust may be limited to the trunk's pipeline."""
    (line,) = ask(production_account, {"sts.assume_role": "AccessDenied"}, productionAccount=OTHER)
    assert line.startswith("note: production account: arn:aws:iam::222222222222:role/cdk-hnb659fds")

    (line,) = ask(
        production_account, {"sts.assume_role": "RegionDisabled"}, productionAccount=OTHER
    )
    assert line.startswith("to do: check: not checked")
