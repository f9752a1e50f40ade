"""Messages after a push: the hub's decision, then the run."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_cloud import following, stacks
from local_cloud.announcing import Announced
from local_cloud.branch_hub.machine_run import MachineResult, _StepReporter
from local_cloud.deletions import record_deletion
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError


class Anything:
    """An argument that the code does not read."""

    problem = ""

    def __getattr__(self, name: str) -> Any:
        return name


def test_s8_a_refused_push_fails_and_follows_no_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The execution succeeds, but the branch has no pipeline of its own."""

    def refused(*_: object) -> MachineResult:
        answers = {"admission": {"outcome": "refused", "message": "the quota is full"}}
        return MachineResult(execution="e", status="SUCCEEDED", answers=answers)

    monkeypatch.setattr(following, "_follow_machine", refused)
    nothing: Any = Anything()

    assert following.follow_push(nothing, nothing, nothing, nothing) is False


def test_every_deleted_resource_is_listed_once() -> None:
    """Each sweep returns the resources it deleted, and the machine returns their sum."""
    reports: list[str] = []
    reporter = _StepReporter(reports.append)
    first, second = ["task definition x:1"], ["log group y"]
    outputs: list[dict[str, Any]] = [
        {"sweep": {"removed": first}},
        {"sweep": {"removed": first}, "swept": {"removed": first}, "verification": {"remains": []}},
        {"sweep": {"removed": second}, "swept": {"removed": first}},
        {"sweep": {"removed": second}, "swept": {"removed": [*first, *second]}},
    ]
    for number, output in enumerate(outputs):
        entered = {"stateEnteredEventDetails": {"name": f"Step{number}"}}
        reporter.report({"id": 2 * number, "type": "TaskStateEntered", **entered})
        exited = {"stateExitedEventDetails": {"output": json.dumps(output)}}
        reporter.report({"id": 2 * number + 1, "type": "TaskStateExited", **exited})
    assert [line for line in reports if not line.startswith("Step")] == [
        "removed: task definition x:1",
        "removed: log group y",
    ]


@pytest.mark.parametrize(("left", "is_gone"), [([], True), (["queue forgotten"], False)])
def test_b3_a_deletion_succeeds_when_nothing_of_its_environment_remains(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    left: list[str],
    is_gone: bool,
) -> None:
    """The suffix is in the execution's input, not in the answers of functions."""

    def deleted(*_: object) -> MachineResult:
        answers = {"claim": {"outcome": "delete", "message": "it goes"}}
        return MachineResult(execution="e", status="SUCCEEDED", answers=answers, suffix="x-0a1b2c")

    monkeypatch.setattr(following, "_follow_machine", deleted)
    monkeypatch.setattr(following, "deployed_environments", lambda *_: [])
    monkeypatch.setattr(following, "AwsClients", lambda _: None)
    monkeypatch.setattr(following, "remains", lambda _, suffix: left if suffix == "x-0a1b2c" else 0)
    nothing: Any = Anything()

    assert following.follow_deletion(nothing, nothing, nothing, nothing) is is_gone

    output = capsys.readouterr().out
    assert ("nothing remains" in output) is is_gone
    assert all(line in output for line in left)


def test_without_a_run_to_follow_the_error_names_once_who_deleted_the_branch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "find_pipeline", lambda *_: None)
    paths = CloudPaths(tmp_path)
    paths.deletions.parent.mkdir()
    push = Announced(branch="x", commit="c", sent_at=datetime.now(UTC))
    record_deletion(paths, branch="x", command="make destroy BRANCH=x")

    with pytest.raises(CloudError) as raised:
        following.follow_push(paths, Anything(), None, push)  # type: ignore[arg-type]

    output = capsys.readouterr().out + str(raised.value)
    assert output.count("stopped: `make destroy BRANCH=x` of user") == 1
