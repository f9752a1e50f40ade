"""B5: output of the pinned CLI for changes, and the result of the gate.

An answer depends on the CLI and on two templates. Answers are kept in `recorded_diffs/` under a key
of all three; where no kept answer fits, the CLI is asked and its answer kept: commit the file then.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk.assertions import Template

from pipeline.steps.permission_gate import judge, judge_upgrade, main, run_diff
from pipeline.tool_versions import Toolchain
from tests.infra.context import REPOSITORY

STACKS = "Pipeline/Production/*"
RECORDED = Path(__file__).parent / "recorded_diffs"


def role(stack: cdk.Stack, *actions: str, effect: iam.Effect = iam.Effect.ALLOW) -> None:
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    for action in actions:
        role.add_to_policy(
            iam.PolicyStatement(effect=effect, actions=[action], resources=["arn:aws:s3:::b/*"])
        )


def doors(stack: cdk.Stack, *ports: int) -> None:
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-1", availability_zones=["us-east-1a"]
    )
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc, allow_all_outbound=False)
    for port in ports:
        group.add_ingress_rule(ec2.Peer.ipv4("10.0.0.0/8"), ec2.Port.tcp(port))


def database(stack: cdk.Stack, version: str) -> None:
    rds.CfnDBCluster(stack, "Cluster", engine="aurora-postgresql", engine_version=version)


def everything(stack: cdk.Stack) -> None:
    """Both tables of the CLI's output."""
    role(stack, "s3:GetObject")
    doors(stack, 443)


Build = Callable[[cdk.Stack], None]
Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """The deployed template and the assembly to deploy, in the folder of the test."""

    assembly: Path
    deployed: Path
    key: str

    @classmethod
    def between(cls, before: Build, after: Build) -> "Change":
        assembly, deployed = Path("cdk.out").absolute(), Path("deployed.json").absolute()
        old, new = _template(Path("old").absolute(), before), _template(assembly, after)
        deployed.write_text(old)
        cli = Toolchain.pinned_in(REPOSITORY / "package.json").cdk
        key = hashlib.sha256("\0".join((cli, old, new)).encode()).hexdigest()
        return cls(assembly=assembly, deployed=deployed, key=key)

    def judged(self, run: Run) -> int:
        return main([str(self.assembly), STACKS], run)

    def asked(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """The output of the real CLI, compared with a template instead of a deployed stack."""
        return run_diff([*command, "--template", str(self.deployed)])

    def remembered(self, case: str) -> Run:
        """The output of the real CLI, from now or from an earlier call with the same input."""

        def run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
            is_everything = "--security-only" not in command
            file = RECORDED / f"{case}{'-everything' if is_everything else ''}.json"
            kept = json.loads(file.read_text()) if file.exists() else {}
            question = [self.key, *command[3:]]  # after the folder of the assembly
            if kept.get("question") != question:
                done = self.asked(command)
                # Raises if the output is unclear: such an answer must not be kept.
                (judge_upgrade if is_everything else judge)(
                    done.returncode, done.stdout + done.stderr
                )
                kept = {
                    "question": question,
                    "exit_code": done.returncode,
                    "lines": (done.stdout + done.stderr).splitlines(keepends=True),
                }
                file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
            return subprocess.CompletedProcess(
                command, kept["exit_code"], "", "".join(kept["lines"])
            )

        return run


def _template(folder: Path, build: Build) -> str:
    app = cdk.App(outdir=str(folder), analytics_reporting=False)
    here = cdk.Environment(account="111111111111", region="us-east-1")
    pipeline = cdk.Stack(app, "Pipeline", env=here)
    stack = cdk.Stack(cdk.Stage(pipeline, "Production", env=here), "Transaction")
    build(stack)
    app.synth()
    return json.dumps(Template.from_stack(stack).to_json())


@pytest.fixture(autouse=True)
def _cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_DISABLE_VERSION_CHECK", "1")
    monkeypatch.setenv("COLUMNS", "80")  # as some terminals set it; nothing may be cut
    monkeypatch.setenv("PATH", f"{REPOSITORY / 'node_modules' / '.bin'}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)


BROADER: dict[str, tuple[Build, Build, str]] = {
    "one-more-action": (
        lambda s: role(s, "s3:GetObject"),
        lambda s: role(s, "s3:GetObject", "s3:PutObject"),
        "Allow s3:PutObject",
    ),
    "a-denial-goes": (
        lambda s: role(s, "s3:PutObject", effect=iam.Effect.DENY),
        role,
        "- arn:aws:s3:::b/* Deny s3:PutObject",
    ),
    "one-more-port": (lambda s: doors(s, 443), lambda s: doors(s, 443, 22), "TCP 22"),
}


@pytest.mark.parametrize("case", BROADER)
def test_b5_the_real_cli_reports_broader_permissions(
    capsys: pytest.CaptureFixture[str], case: str
) -> None:
    before, after, message = BROADER[case]
    change = Change.between(before, after)

    assert change.judged(change.remembered(case)) == 0

    summary = capsys.readouterr().out
    assert summary.startswith("BROADER PERMISSIONS (")
    assert message in summary


def test_b5_at_the_first_deployment_the_real_cli_reports_all_permissions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Always calls the CLI, so that its start is tested."""
    change = Change.between(lambda s: None, everything)

    assert change.judged(change.asked) == 0

    summary = capsys.readouterr().out
    assert summary.startswith("BROADER PERMISSIONS (")
    assert "Allow s3:GetObject" in summary
    assert "TCP 443" in summary


def test_b5_the_real_cli_does_not_report_narrower_permissions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def before(stack: cdk.Stack) -> None:
        role(stack, "s3:GetObject")
        doors(stack, 443, 22)

    def after(stack: cdk.Stack) -> None:
        role(stack)
        doors(stack, 443)

    change = Change.between(before, after)

    assert change.judged(change.remembered("narrower")) == 0
    assert capsys.readouterr().out.startswith("No IAM permission")


def test_b5_the_real_cli_reports_an_upgrade_of_the_database(
    capsys: pytest.CaptureFixture[str],
) -> None:
    change = Change.between(lambda s: database(s, "15.6"), lambda s: database(s, "15.8"))

    assert change.judged(change.remembered("upgrade")) == 0
    assert capsys.readouterr().out.startswith("DATABASE ENGINE 15.6 becomes 15.8")
