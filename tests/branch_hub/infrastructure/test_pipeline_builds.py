"""S8: the build that deploys the pipeline of a branch."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.own_pipeline import REFUSED
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB
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


NPX = """#!/bin/sh
printf '%s\\0' "$@" >> npx.log
printf '\\n' >> npx.log
"""


def built(hub: Synthesized, folder: Path, *, branch: str, checked: str) -> tuple[str, Any]:
    """Run the build's commands in a shell, with stubs of make, npx and the check's Python.

    Returns the exported verdict, and the words of every call of npx.
    """
    spec = json.loads(project(hub)["Source"]["BuildSpec"])
    tools = folder / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name, text in {
        "make": "#!/bin/sh\n",
        "npx": NPX,
        "python3": f'#!/bin/sh\nshift 3; printf "%s\\0" "$@" > checked.log\n{checked}\n',
    }.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    commands = "\n".join(spec["phases"]["build"]["commands"])
    (exported,) = spec["env"]["exported-variables"]

    done = subprocess.run(
        ["/bin/sh", "-c", f'set -e\n{commands}\nprintf "%s" "${exported}"'],
        cwd=folder,
        env={"BRANCH": branch, "SUFFIX": "own-0a1b2c", "PATH": f"{tools}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    calls = (folder / "npx.log").read_text().splitlines()
    return done.stdout if done.returncode == 0 else "", [c.rstrip("\0").split("\0") for c in calls]


@pytest.mark.parametrize("branch", ["feature/x", "it's $HOME; `x`", 'a"b', "-c", "$(touch x)"])
def test_s8_the_deployment_gets_a_branch_name_unchanged(
    hub: Synthesized, tmp_path: Path, branch: str
) -> None:
    verdict, (synth, deploy) = built(hub, tmp_path, branch=branch, checked="printf accepted")

    assert verdict == "accepted"
    assert synth[:3] == ["--no-install", "cdk", "synth"]
    assert synth[-2:] == ["-c", f"branch={branch}"]
    # The settings of every pipeline, without those of this branch.
    assert "account=000000000000" in synth
    assert "apiPort=8443" in synth
    assert sum(word.startswith("branch=") for word in synth) == 1
    assert deploy[:3] == ["--no-install", "cdk", "deploy"]
    assert deploy[-1] == "DeliveryPipeline-own-0a1b2c"
    assert deploy[deploy.index("--require-approval") + 1] == "never"
    checked = (tmp_path / "checked.log").read_text().split("\0")
    assert checked[1:3] == [branch, "own-0a1b2c"]
    assert not (tmp_path / "x").exists()


def test_s64_the_assembly_that_was_checked_is_deployed(hub: Synthesized, tmp_path: Path) -> None:
    """A second synth would run the branch's code again."""
    _, (synth, deploy) = built(hub, tmp_path, branch="x", checked="printf accepted")

    folder = synth[synth.index("--output") + 1]
    assert (tmp_path / "checked.log").read_text().startswith(f"{folder}\0")
    assert deploy[deploy.index("--app") + 1] == folder


def test_s64_nothing_is_deployed_after_a_refusal(hub: Synthesized, tmp_path: Path) -> None:
    """The build succeeds, so that the machine gets the reason and no alarm is raised."""
    verdict, calls = built(
        hub, tmp_path, branch="x", checked=f"printf 'refused: two stacks'; exit {REFUSED}"
    )

    assert verdict == "refused: two stacks"
    assert [call[2] for call in calls] == ["synth"]


def test_s64_nothing_is_deployed_if_the_check_cannot_run(hub: Synthesized, tmp_path: Path) -> None:
    verdict, calls = built(hub, tmp_path, branch="x", checked="exit 1")

    assert verdict == ""
    assert [call[2] for call in calls] == ["synth"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("trunk", "main"), ("promotion", "production"), ("hub", ""), ("productionAccount", "")],
)
def test_s64_the_hub_passes_what_a_branch_must_not_decide(
    hub: Synthesized, tmp_path: Path, key: str, value: str
) -> None:
    """Also where it is the default: the branch's cdk.json may have another."""
    _, (synth, _) = built(hub, tmp_path, branch="x", checked="printf accepted")

    assert f"{key}={value}" in synth


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
