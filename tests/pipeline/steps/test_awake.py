"""B13: a build waits until its environment is awake, and skips what cannot sleep."""

import runpy
import sys
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lambda_src.shared.stack_tags import ASLEEP_TAG
from pipeline.steps import awake
from tests.delivered import Delivered

CLUSTER = "transaction-cluster-feature-x-5femoa"
SINCE = "2026-11-26T19:00:00Z"


class Answers:
    """What ECS says, one answer after the other."""

    def __init__(self) -> None:
        self.ecs: Any = boto3.client(
            "ecs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self._stub = Stubber(self.ecs)
        self._stub.activate()
        self.waited: list[float] = []

    def add(self, since: str | None, *, exists: bool = True) -> None:
        tags = [{"key": "application", "value": "transaction-pipeline"}]
        tags += [{"key": ASLEEP_TAG, "value": since}] if since else []
        self._stub.add_response(
            "describe_clusters",
            {"clusters": [{"tags": tags}] if exists else []},
            {"clusters": [CLUSTER], "include": ["TAGS"]},
        )

    def run(self) -> None:
        awake.main(["--cluster", CLUSTER], ecs=self.ecs, wait=self.waited.append)
        self._stub.assert_no_pending_responses()


def test_b13_an_environment_that_does_not_exist_or_does_not_sleep_is_not_waited_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """So a pipeline without a hub skips it."""
    for exists in (True, False):
        answers = Answers()
        answers.add(None, exists=exists)
        answers.run()
        assert answers.waited == []
        assert "does not sleep: nothing to wait for" in capsys.readouterr().out


def test_b13_the_build_waits_until_the_tag_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    answers = Answers()
    for since in (SINCE, SINCE, None):
        answers.add(since)

    answers.run()

    assert len(answers.waited) == 2
    assert capsys.readouterr().out.splitlines() == [
        f"{CLUSTER} sleeps since {SINCE}: waiting until the branch hub has woken it",
        f"{CLUSTER} is awake",
    ]


def test_b13_the_build_ends_with_what_to_do_if_nobody_wakes_it() -> None:
    answers = Answers()
    for _ in range(300):
        answers.add(SINCE)

    with pytest.raises(SystemExit, match="still sleeps after 45 minutes: look at the notices"):
        answers.run()

    assert sum(answers.waited) == awake.MINUTES_MAX * 60


def test_b13_the_program_reads_with_the_roles_own_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = Answers()
    answers.add(None)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: answers.ecs)
    monkeypatch.setattr(sys, "argv", ["make awake", "--cluster", CLUSTER])
    monkeypatch.delitem(sys.modules, "pipeline.steps.awake")

    runpy.run_module("pipeline.steps.awake", run_name="__main__")


def test_b13_only_a_branch_waits_and_only_for_its_own_environment(
    delivered: Delivered, trunk: Delivered
) -> None:
    wait = f"make awake CLUSTER={CLUSTER}"
    assert delivered.commands("Build", "Synth")[-1] == wait
    read = delivered.permissions("Build", "Synth")["ecs:DescribeClusters"]
    assert [str(arn).count(f"cluster/{CLUSTER}") for arn in read] == [1]

    # The checks come before the wait.
    checks = trunk.project("Build", "Synth")["TimeoutInMinutes"]
    assert delivered.project("Build", "Synth")["TimeoutInMinutes"] >= checks + awake.MINUTES_MAX

    assert not any("awake" in command for command in trunk.commands("Build", "Synth"))
    assert "ecs:DescribeClusters" not in trunk.permissions("Build", "Synth")
