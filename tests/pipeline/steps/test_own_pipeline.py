"""What a branch may deploy is decided outside of the branch: its pipeline and its environment."""

import json
import os
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.own_pipeline import ACCEPTED, REFUSED, OwnPipelineCheck
from pipeline.sources.choice import parse_source
from pipeline.steps.own_pipeline import main
from tests.delivered import Delivered
from tests.infra.context import CDK_JSON

PROGRAM = "pipeline.steps.own_pipeline"
ACCOUNT = "111111111111"
BRANCH = "feature/x"
SUFFIX = "feature-x-5femoa"
ENVIRONMENT = "assembly-DeliveryPipeline-feature-x-5femoa-Environment"
STACK = f"DeliveryPipeline-{SUFFIX}"
Change = Callable[[dict[str, Any]], None]


def check() -> OwnPipelineCheck:
    return OwnPipelineCheck(
        source=parse_source(CDK_JSON["source"]), account=ACCOUNT, region="us-east-1"
    )


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hub's build synthesizes for a branch."""
    outdir = tmp_path_factory.mktemp("own") / "cdk.out"
    return Delivered.synthesize(outdir, branch=BRANCH, account=ACCOUNT).outdir


@pytest.fixture
def assembly(own: Path, tmp_path: Path) -> Path:
    """A copy to change, without the assets."""
    ignored = shutil.ignore_patterns("asset.*")
    return shutil.copytree(own, tmp_path / "cdk.out", ignore=ignored)


def judged(assembly: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main([str(assembly), BRANCH, SUFFIX, check().rules()])
    return code, capsys.readouterr().out


def change(file: Path, how: Change) -> None:
    content = json.loads(file.read_text())
    how(content)
    file.write_text(json.dumps(content))


def test_s64_a_branchs_own_pipeline_is_accepted(
    assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(assembly, capsys) == (0, ACCEPTED)


def test_b7_a_branchs_drills_are_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drills = Delivered.synthesize(
        tmp_path / "cdk.out", branch=BRANCH, account=ACCOUNT, faultInjection={"ephemeral": True}
    )

    assert judged(drills.outdir, capsys) == (0, ACCEPTED)


def test_s64_the_text_runs_alone_and_gets_any_branch_name_unchanged(
    own: Path, tmp_path: Path
) -> None:
    """As a build runs it: by a shell, in the branch's checkout, without the project's modules."""
    (tmp_path / "json.py").write_text("raise SystemExit('from the checkout')")
    command = check().command(str(own), branch='"$BRANCH"', suffix='"$SUFFIX"')
    for branch, code in ((BRANCH, 0), ("it's $HOME; `x`", REFUSED)):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "BRANCH": branch, "SUFFIX": SUFFIX},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert (f"branch {branch} may deploy only" in done.stdout) is (code == REFUSED)


def test_s64_the_program_ends_with_the_codes_of_its_answers(
    assembly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for branch, code in ((BRANCH, 0), ("another", REFUSED)):
        words = ["own_pipeline", str(assembly), branch, SUFFIX, check().rules()]
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.delitem(sys.modules, PROGRAM, raising=False)
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(PROGRAM, run_name="__main__")
        assert ended.value.code == code


@pytest.mark.parametrize(
    "context", [{"trunk": BRANCH, "productionCertificate": "self-signed"}, {"hub": "also"}]
)
def test_s64_a_branch_that_makes_itself_the_trunk_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], context: dict[str, Any]
) -> None:
    evil = Delivered.synthesize(tmp_path / "cdk.out", branch=BRANCH, **context)

    code, answer = judged(evil.outdir, capsys)

    assert code == REFUSED
    assert answer.startswith(f"refused: branch {BRANCH} may deploy only its own pipeline")
    assert "the stacks of the app are BranchHub-" in answer
    assert f"must be only {STACK}" in answer


def of_pipeline(content: dict[str, Any]) -> dict[str, Any]:
    (found,) = (
        r["Properties"]
        for r in content["Resources"].values()
        if r["Type"] == "AWS::CodePipeline::Pipeline"
    )
    return dict(found)


def action(stage: str, name: str, **settings: str) -> Change:
    def how(content: dict[str, Any]) -> None:
        (found,) = (
            action
            for s in of_pipeline(content)["Stages"]
            if s["Name"] == stage
            for action in s["Actions"]
            if action["Name"] == name
        )
        for key, value in settings.items():
            into = found if key == "Region" else found["Configuration"]
            into[key] = value

    return how


def a_second_source(content: dict[str, Any]) -> None:
    actions = of_pipeline(content)["Stages"][0]["Actions"]
    actions.append(actions[0])


def a_second_pipeline(content: dict[str, Any]) -> None:
    other = {"Type": "AWS::CodePipeline::Pipeline", "Properties": {"Name": "other"}}
    content["Resources"]["Other"] = other


def an_invocation(content: dict[str, Any]) -> None:
    kind = {"Category": "Invoke", "Provider": "Lambda"}
    of_pipeline(content)["Stages"][1]["Actions"][0]["ActionTypeId"] = kind


def a_role_elsewhere(content: dict[str, Any]) -> None:
    role = "arn:aws:iam::222222222222:role/cdk-hnb659fds-deploy-role"
    of_pipeline(content)["Stages"][0]["Actions"][0]["RoleArn"] = role


def an_update_of_another(content: dict[str, Any]) -> None:
    text = json.dumps(content)
    changed = json.loads(text.replace(f"deploy {STACK}", "deploy DeliveryPipeline-main-v4grq1"))
    content.update(changed)


DEPLOY = f"transaction-{SUFFIX}.Deploy"


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        (action("Source", "Source", BranchName="main"), "BranchName of action Source.Source"),
        (action("Source", "Source", RepositoryName="x"), "repository of action Source.Source"),
        (
            action("Environment", DEPLOY, StackName="transaction-staging"),
            f"StackName of action Environment.{DEPLOY} is 'transaction-staging': "
            f"it must be transaction-{SUFFIX} or FaultInjection-{SUFFIX}",
        ),
        (action("Environment", DEPLOY, Region="eu-west-1"), "region of action Environment."),
        (action("Build", "Synth", ProjectName="other"), "must be a project of the same stack"),
        (an_update_of_another, "it must deploy only DeliveryPipeline-feature-x"),
        (a_second_source, "the sources of the pipeline are 2: it must be one"),
        (a_second_pipeline, "'other']: it must be only transaction-pipeline-feature-x"),
        (an_invocation, "must be a source, a build or a stack's deployment"),
        (a_role_elsewhere, "is in account 222222222222"),
    ],
)
def test_s64_a_pipeline_that_delivers_something_else_is_refused(
    assembly: Path, capsys: pytest.CaptureFixture[str], how: Change, complaint: str
) -> None:
    change(assembly / f"{STACK}.template.json", how)

    code, answer = judged(assembly, capsys)

    assert code == REFUSED
    assert complaint in answer


def another_stack(manifest: dict[str, Any]) -> None:
    (name,) = (k for k, a in manifest["artifacts"].items() if a["type"].endswith(":stack"))
    manifest["artifacts"]["Other"] = manifest["artifacts"][name]


def another_account(manifest: dict[str, Any]) -> None:
    for artifact in manifest["artifacts"].values():
        if artifact["type"].endswith(":stack"):
            artifact["environment"] = "aws://222222222222/us-east-1"


def another_stage(manifest: dict[str, Any]) -> None:
    manifest["artifacts"]["Other"] = manifest["artifacts"][ENVIRONMENT]


@pytest.mark.parametrize(
    ("folder", "how", "complaint"),
    [
        (".", another_stack, "the stacks of the app are"),
        (".", another_account, "is aws://222222222222/us-east-1: it must be aws://1111"),
        (".", another_stage, "the app's stages are"),
        (ENVIRONMENT, another_stack, "the stacks of the stage are"),
        (ENVIRONMENT, another_account, f"environment of transaction-{SUFFIX} is aws://2222"),
    ],
)
def test_s64_an_app_with_more_than_the_pipeline_is_refused(
    assembly: Path, capsys: pytest.CaptureFixture[str], folder: str, how: Change, complaint: str
) -> None:
    change(assembly / folder / "manifest.json", how)

    code, answer = judged(assembly, capsys)

    assert code == REFUSED
    assert complaint in answer


@pytest.mark.parametrize("name", ["cdk.json", ".npmrc", "package.json"])
def test_s64_settings_of_tools_in_the_assembly_are_refused(
    assembly: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The self-update runs npm and the CLI in that folder: they would obey the branch."""
    (assembly / name).write_text("{}")

    code, answer = judged(assembly, capsys)

    assert code == REFUSED
    assert f"file {name} is in cdk.out" in answer


def test_s64_later_pushes_are_checked_before_any_other_command(delivered: Delivered) -> None:
    """The self-update's first command, with what it deploys: the refusal ends the build."""
    first, *others = delivered.commands("UpdatePipeline", "SelfMutate")
    words = shlex.split(first)

    assert words[:3] == ["python3", "-I", "-c"]
    assert words[4:7] == [".", BRANCH, SUFFIX]
    assert not any("python3" in command for command in others)
    rules = json.loads(words[7])
    assert rules["environment"] == "aws://000000000000/us-east-1"


def test_s64_the_trunk_is_not_checked(trunk: Delivered) -> None:
    """It decides what branches may do, and deploys more than one environment."""
    commands = trunk.commands("UpdatePipeline", "SelfMutate")

    assert not any("python3" in command for command in commands)
