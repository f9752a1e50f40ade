"""S8: the build that deploys the pipeline of a branch."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.branch_hub.infrastructure.conftest import CODECOMMIT_HUB
from tests.delivered import CONNECTION
from tests.infra.templates import Synthesized

H = CODECOMMIT_HUB


def project(hub: Synthesized) -> dict[str, Any]:
    (found,) = hub.properties("AWS::CodeBuild::Project")
    return found


def test_s8_the_build_takes_the_branch_from_the_repository(
    hub: Synthesized, github_hub: Synthesized
) -> None:
    here, there = project(hub)["Source"], project(github_hub)["Source"]

    assert here["Type"] == "CODECOMMIT"
    assert here["Location"]["Fn::Join"][1] == [
        "https://git-codecommit.us-east-1.",
        {"Ref": "AWS::URLSuffix"},
        "/v1/repos/transaction-pipeline",
    ]
    assert (there["Type"], there["Location"]) == (
        "GITHUB",
        "https://github.com/acme/ledger.git",
    )
    assert there["Auth"] == {"Type": "CODECONNECTIONS", "Resource": CONNECTION}


@pytest.mark.parametrize("branch", ["feature/x", "it's $HOME; `x`", 'a"b', "-c", "$(touch x)"])
def test_s8_the_deployment_gets_a_branch_name_unchanged(
    hub: Synthesized, tmp_path: Path, branch: str
) -> None:
    """Run by a shell, with a program in place of npx that lists what it is given."""
    spec = json.loads(project(hub)["Source"]["BuildSpec"])
    npx = tmp_path / ".venv" / "bin" / "npx"
    npx.parent.mkdir(parents=True)
    npx.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    npx.chmod(0o755)
    _, path, deploy = spec["phases"]["build"]["commands"]

    done = subprocess.run(
        ["/bin/sh", "-c", f"{path}\n{deploy}"],
        cwd=tmp_path,
        env={"BRANCH": branch, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )

    words = done.stdout.decode().rstrip("\0").split("\0")
    assert words[:3] == ["--no-install", "cdk", "deploy"]
    assert words[-3:] == ["-c", f"branch={branch}", "DeliveryPipeline-*"]
    assert words[words.index("--require-approval") + 1] == "never"
    # The settings of every pipeline, without those of this branch.
    assert "account=000000000000" in words
    assert "apiPort=8443" in words
    assert sum(word.startswith("branch=") for word in words) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / ".venv"]


def test_s8_the_build_has_its_permissions_before_its_source_is_checked(
    every_hub: Synthesized,
) -> None:
    """CodeBuild gets a token from the connection, with the role, when the project is created."""
    (project,) = every_hub.all("AWS::CodeBuild::Project")
    role = every_hub.resources[project]["Properties"]["ServiceRole"]["Fn::GetAtt"][0]
    policies = [
        name
        for name, policy in every_hub.all("AWS::IAM::Policy").items()
        if {"Ref": role} in policy["Properties"]["Roles"]
    ]

    assert policies
    assert all(every_hub.comes_before(policy, project) for policy in policies)
