"""`make up` again: what is delivered already is shown, and everything else is delivered."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from local_cloud import delivery, following, stacks
from local_cloud.delivery import deliver
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.execution import Execution
from local_cloud.server import RunningCloud
from tests.local_cloud.test_server import PIPELINE_STACK

BRANCH, COMMIT = "feature/x", "c" * 40
FACTS = {
    "suffix": "x", "stack": "transaction-x", "branch": BRANCH, "commit": COMMIT,
    "ApiUrl": "https://x", "ApiDocsUrl": "https://x/docs", "TransactionQueueUrl": "q",
    "AuditBucketName": "b", "aws_endpoint_url": "http://127.0.0.1",
}  # fmt: skip


class Delivers(Exception):
    """The delivery has begun."""


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CloudPaths:
    """A branch that was delivered."""
    paths = CloudPaths(tmp_path)
    paths.pipelines.mkdir(parents=True)
    resources: Any = PIPELINE_STACK["Resources"]
    definition = json.dumps(resources["Pipeline"]["Properties"])
    (paths.pipelines / "delivery-x.json").write_text(definition)
    paths.hub_version.write_text("hub 1")
    _run(paths, status="Succeeded", started=1.0)

    def begins(*_: Any, **__: Any) -> None:
        raise Delivers

    monkeypatch.setattr(delivery, "hub_version", lambda *_: "hub 1")
    monkeypatch.setattr(delivery, "_deploy_what_is_missing", begins)
    monkeypatch.setattr(following, "deployed_environments", lambda *_: [FACTS])
    _stacks(monkeypatch, {"transaction-x": "UPDATE_COMPLETE"})
    _records(monkeypatch, {"branch": BRANCH})
    return paths


def _run(paths: CloudPaths, *, status: str, started: float, commit: str = COMMIT) -> None:
    run = Execution(
        paths.state,
        pipeline="delivery-x",
        branch=BRANCH,
        commit=commit,
        started_epoch_seconds=started,
    )
    run.end(status, "")


def _stacks(monkeypatch: pytest.MonkeyPatch, known: dict[str, str]) -> None:
    live = [{"StackName": name, "StackStatus": status} for name, status in known.items()]
    monkeypatch.setattr(stacks, "live_stacks", lambda _: live)


def _records(monkeypatch: pytest.MonkeyPatch, *records: dict[str, str]) -> None:
    """Those of the branch hub."""
    hub = Mock(environments=lambda: records)
    monkeypatch.setattr(delivery, "find_hub", lambda _: hub)


def _deliver(paths: CloudPaths, *, promotion: str = "") -> bool:
    nothing: Any = None
    cloud = RunningCloud(pid=1, started_epoch_seconds=0, port=9, api_port=9)
    return deliver(paths, cloud, nothing, branch=BRANCH, commit=COMMIT, promotion=promotion)


def test_a_delivered_commit_is_not_delivered_again_and_its_environment_is_shown(
    paths: CloudPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _deliver(paths)
    printed = capsys.readouterr().out
    assert "is delivered already" in printed
    assert "make retry BRANCH=feature/x" in printed
    assert "https://x/docs" in printed


def test_a_newer_run_that_failed_is_a_reason_to_deliver(paths: CloudPaths) -> None:
    _run(paths, status="Failed", started=2.0)
    with pytest.raises(Delivers):
        _deliver(paths)


def test_a_newer_run_of_another_commit_is_a_reason_to_deliver(paths: CloudPaths) -> None:
    _run(paths, status="Succeeded", started=2.0, commit="d" * 40)
    with pytest.raises(Delivers):
        _deliver(paths)


def test_another_hub_is_a_reason_to_deliver(paths: CloudPaths) -> None:
    paths.hub_version.write_text("hub 0")
    with pytest.raises(Delivers):
        _deliver(paths)


def test_an_environment_that_is_gone_is_a_reason_to_deliver(
    paths: CloudPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stacks(monkeypatch, {"transaction-other": "UPDATE_COMPLETE"})
    with pytest.raises(Delivers):
        _deliver(paths)


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"])
def test_a_stack_that_is_not_as_its_template_says_is_a_reason_to_deliver(
    paths: CloudPaths, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    _stacks(monkeypatch, {"transaction-x": status})
    with pytest.raises(Delivers):
        _deliver(paths)


def test_for_an_environment_that_sleeps_the_command_that_wakes_it_is_shown(
    paths: CloudPaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _deliver(paths)
    assert "make wake" not in capsys.readouterr().out
    _records(monkeypatch, {"branch": BRANCH, "sleeping": "since 19:00, until 07:00"})
    assert _deliver(paths)
    assert "make wake BRANCH=feature/x" in capsys.readouterr().out


def test_a_chosen_promotion_is_always_delivered(paths: CloudPaths) -> None:
    with pytest.raises(Delivers):
        _deliver(paths, promotion="production")
