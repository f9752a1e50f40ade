"""`make bootstrap-production`: the CDK's own CLI with a template that trusts less."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from operations.bootstrap_production import main, run_cdk
from pipeline.bootstrap_trust import VARIANT

HERE, THERE = "111111111111", "222222222222"


class Cdk:
    """Shows the real template, and keeps what it is asked to deploy."""

    def __init__(self, *, says: str = "bootstrapped", code: int = 0) -> None:
        self.says, self.code = says, code
        self.arguments: list[str] = []
        self.template: dict[str, Any] = {}

    def __call__(self, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        if "--show-template" in arguments:
            return run_cdk(arguments)
        self.arguments = [*arguments]
        file = arguments[arguments.index("--template") + 1]
        self.template = json.loads(Path(file).read_text())
        return subprocess.CompletedProcess(arguments, self.code, stdout="", stderr=self.says)


def run(cdk: Cdk, *more: str, there: str = THERE) -> int:
    return main(["--account", HERE, "--production-account", there, *more], cdk)


def test_s64_the_account_is_bootstrapped_with_the_narrow_template(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cdk = Cdk()

    assert run(cdk) == 0

    assert cdk.arguments[0] == f"aws://{THERE}/us-east-1"
    assert cdk.arguments[cdk.arguments.index("--trust") + 1] == HERE
    assert cdk.arguments[cdk.arguments.index("--trust-for-lookup") + 1] == HERE
    assert "--force" not in cdk.arguments
    assert cdk.template["Parameters"]["BootstrapVariant"]["Default"] == VARIANT
    said = capsys.readouterr().out
    assert "bootstrapped" in said
    assert f"{THERE} trusts only the pipeline main-v4grq1 of {HERE}" in said


def test_s64_a_bootstrap_that_was_kept_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    """The CLI keeps one of another variant, and ends with 0."""
    kept = "Bootstrap stack already exists, containing 'x'. Not overwriting it with ..."

    assert run(Cdk(says=kept)) == 1
    assert "may trust more: FORCE=yes replaces it" in capsys.readouterr().err

    forced = Cdk()
    assert run(forced, "--force", "--policy", "arn:aws:iam::aws:policy/Narrow") == 0
    assert forced.arguments[-1] == "--force"
    assert "arn:aws:iam::aws:policy/Narrow" in forced.arguments


def test_an_error_of_the_cli_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Cdk(says="no credentials", code=1)) == 1
    assert "cdk bootstrap ended with 1:\nno credentials" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("there", "complaint"),
    [("1234", "productionAccount is '1234': it must be 12 digits"), (HERE, "another account")],
)
def test_a_wrong_account_is_refused(
    capsys: pytest.CaptureFixture[str], there: str, complaint: str
) -> None:
    assert run(Cdk(), there=there) == 1
    assert complaint in capsys.readouterr().err
