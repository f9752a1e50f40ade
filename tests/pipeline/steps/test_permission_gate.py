"""B5: broader permissions and upgrades of the database are shown to the person who approves.

An unclear result stops the run.
"""

import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.steps.permission_gate import (
    SUMMARY_LENGTH_MAX,
    GateError,
    Verdict,
    diff_command,
    judge,
    judge_upgrade,
    main,
    permissions_command,
)

STACKS = "Pipeline/Production/*"
DIFF = """
This deployment will make potentially sensitive changes ...
Stack Production/Transaction (transaction-production)
IAM Statement Changes
┌───┬──────────────┬────────┬───────────────┬───────────┬───────────┐
│   │ Resource     │ Effect │ Action        │ Principal │ Condition │
├───┼──────────────┼────────┼───────────────┼───────────┼───────────┤
│ + │ ${Queue.Arn} │ Allow  │ sqs:Receive   │ AWS:é     │           │
│   │              │        │ sqs:Send      │           │           │
├───┼──────────────┼────────┼───────────────┼───────────┼───────────┤
│ - │ ${Queue.Arn} │ Allow  │ sqs:Purge     │ AWS:role  │           │
└───┴──────────────┴────────┴───────────────┴───────────┴───────────┘
Security Group Changes
┌───┬──────────────────┬─────┬──────────┬─────────────────┐
│   │ Group            │ Dir │ Protocol │ Peer            │
├───┼──────────────────┼─────┼──────────┼─────────────────┤
│ + │ ${Tasks.GroupId} │ In  │ TCP 22   │ Everyone (IPv4) │
└───┴──────────────────┴─────┴──────────┴─────────────────┘
✨  Number of stacks with differences: 1
"""
UPGRADE = """
Stack Production/Transaction (transaction-production)
Resources
[~] AWS::RDS::DBCluster Transaction/Database/Cluster DatabaseCluster5B53A178
 ├─ [~] BackupRetentionPeriod
 │   ├─ [-] 7
 │   └─ [+] 35
 └─ [~] EngineVersion
     ├─ [-] 15.6
     └─ [+] 15.8

✨  Number of stacks with differences: 1
"""
NOTHING = "✨  Number of stacks with differences: 0\n"


def test_b5_broader_permissions_are_named_in_the_message() -> None:
    verdict = judge(1, DIFF)

    assert verdict.is_broader
    assert verdict.summary() == (
        "BROADER PERMISSIONS (3 changes): + ${Queue.Arn} Allow sqs:Receive sqs:Send AWS:?; "
        "- ${Queue.Arn} Allow sqs:Purge AWS:role; "
        "+ ${Tasks.GroupId} In TCP 22 Everyone (IPv4)"
    )


def test_b5_the_message_reports_that_nothing_is_broader() -> None:
    assert judge(0, NOTHING) == Verdict(is_broader=False)
    assert "No IAM permission" in Verdict(is_broader=False).summary()


@pytest.mark.parametrize(
    ("exit_code", "output"),
    [
        (0, ""),  # printed nothing
        (0, DIFF),  # found something and exited with 0
        (1, NOTHING),  # failed after it found nothing
        (1, "No stacks match the name(s)"),
        (1, "Unable to resolve AWS account to use"),
        (127, "cdk: not found"),
        (-9, DIFF),  # killed
        (1, DIFF + DIFF),  # not the output of one diff
    ],
)
def test_b5_an_unclear_result_stops_the_run(exit_code: int, output: str) -> None:
    with pytest.raises(GateError, match=rf"exit code {exit_code}"):
        judge(exit_code, output)


def test_b5_an_upgrade_of_the_database_is_named_first() -> None:
    found = judge_upgrade(0, UPGRADE)

    assert found == ("15.6", "15.8")
    assert Verdict(is_broader=True, changes=("+ x",), upgrade=found).summary() == (
        "DATABASE ENGINE 15.6 becomes 15.8, which cannot be undone. "
        "BROADER PERMISSIONS (1 changes): + x"
    )
    assert judge_upgrade(0, UPGRADE.replace("EngineVersion", "Port")) is None
    assert judge_upgrade(0, NOTHING) is None


@pytest.mark.parametrize(
    ("exit_code", "output"), [(0, ""), (1, UPGRADE), (1, "no credentials"), (0, UPGRADE + NOTHING)]
)
def test_b5_an_unclear_diff_of_everything_stops_the_run(exit_code: int, output: str) -> None:
    with pytest.raises(GateError, match=rf"exit code {exit_code}"):
        judge_upgrade(exit_code, output)


@given(st.lists(st.text(min_size=1, max_size=160), max_size=40), st.booleans())
def test_the_message_always_fits_into_an_approval(changes: list[str], is_upgraded: bool) -> None:
    upgrade = ("15.10", "16.12") if is_upgraded else None
    summary = Verdict(is_broader=True, changes=tuple(changes), upgrade=upgrade).summary()

    assert len(summary) <= SUMMARY_LENGTH_MAX
    assert f"BROADER PERMISSIONS ({len(changes)} changes)" in summary


def test_changes_that_do_not_fit_are_counted() -> None:
    summary = Verdict(is_broader=True, changes=("x" * 300,) * 5).summary()

    assert summary.endswith("x; and 3 more")


def test_one_long_change_leaves_room_for_others() -> None:
    long = DIFF.replace("sqs:Purge", "sqs:" + "p" * 500)

    assert all(len(change) <= 160 for change in judge(1, long).changes)


def answering(
    exit_code: int, output: str, everything: str = NOTHING
) -> Callable[[Sequence[str]], Any]:
    """The first two values answer the diff of permissions, `everything` the whole diff."""

    def run(command: Sequence[str]) -> Any:
        if "--security-only" in command:
            return subprocess.CompletedProcess(command, exit_code, "", output)
        return subprocess.CompletedProcess(command, 0, everything, "")

    return run


def test_the_log_has_the_whole_diff_and_the_message_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["cdk.out", STACKS], answering(1, DIFF, UPGRADE)) == 0

    said = capsys.readouterr()
    assert said.err == DIFF + UPGRADE
    assert said.out.count("\n") == 1
    assert said.out.startswith("DATABASE ENGINE 15.6 becomes 15.8")
    assert "BROADER PERMISSIONS" in said.out


def test_a_failed_diff_fails_the_build_and_gives_no_message_for_the_approval(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["cdk.out", STACKS], answering(1, "no credentials")) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("no credentials")
    assert "permission gate: cdk diff ended with exit code 1" in said.err


def test_b5_the_command_only_reads_and_uses_the_cli_that_was_installed() -> None:
    for command in (diff_command("cdk.out", STACKS), permissions_command("cdk.out", STACKS)):
        assert command[:4] == ["cdk", "--app", "cdk.out", "diff"]
        assert command[command.index("--method") + 1] == "template"  # no change set is created
    assert {"--security-only", "--fail"} <= set(permissions_command("cdk.out", STACKS))


def test_the_gate_runs_with_the_command_of_the_build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cdk_command = tmp_path / "cdk"
    cdk_command.write_text(f"#!/bin/sh\necho '{NOTHING.strip()}'\n")
    cdk_command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["permission_gate", "cdk.out", STACKS])

    with (
        pytest.warns(RuntimeWarning, match="permission_gate"),
        pytest.raises(SystemExit, match=r"^0$"),
    ):
        runpy.run_module("pipeline.steps.permission_gate", run_name="__main__")

    assert capsys.readouterr().out.startswith("No IAM permission")
