"""Manual approval: the run waits for a decision, up to a timeout."""

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from local_cloud.pipeline import approval
from local_cloud.pipeline.approval import NothingToDecide, decide, pending_approval
from local_cloud.pipeline.progress import Progress
from local_cloud.pipeline.results import RunResult
from tests.local_cloud.pipeline.conftest import Cloud, action, build, source, stage
from tests.local_cloud.pipeline.test_turns import wait_for


def deploy_gate(cloud: Cloud) -> None:
    gate = action(
        "Approval/Manual",
        "Gate",
        {"CustomData": "commit #{SourceVariables.CommitId}", "ExternalEntityLink": "http://diff"},
        Namespace="Gate",
    )
    cloud.project("p", "echo because $WHY")
    after = build("After", "p", env={"WHY": "#{Gate.Summary}"})
    cloud.deploy(source(), stage("Gate", gate), stage("After", after))


def run_gate(cloud: Cloud, progress: Progress | None = None, **decision: Any) -> RunResult:
    deploy_gate(cloud)
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(cloud.run(progress)))
    thread.start()
    wait_for(lambda: pending_approval(cloud.state, "delivery") or not thread.is_alive())
    about = pending_approval(cloud.state, "delivery")
    assert about is not None, f"the run has ended before it asked: {results}"
    assert (about["stage"], about["action"], about["link"]) == ("Gate", "Gate", "http://diff")
    assert about["message"] == f"commit {cloud.commit}"
    decide(cloud.state, "delivery", execution=about["execution"], **decision)
    thread.join()
    assert pending_approval(cloud.state, "delivery") is None
    return results[0]


def test_an_approved_run_continues_with_the_summary(cloud: Cloud) -> None:
    result = run_gate(cloud, approved=True, summary="looks fine")
    assert result.succeeded
    assert "\nbecause looks fine\n" in cloud.log(result, "After")


def test_a_rejected_run_fails(cloud: Cloud) -> None:
    result = run_gate(cloud, approved=False, summary="too broad")
    assert (result.status, result.reason) == ("Failed", "Gate/Gate: rejected: too broad")


def test_a_run_without_a_decision_fails_after_the_timeout(cloud: Cloud) -> None:
    cloud.settings = {"approval_timeout_seconds": 0.3}
    deploy_gate(cloud)
    result = cloud.run()
    assert result.status == "Failed"
    assert "no decision" in result.reason
    assert pending_approval(cloud.state, "delivery") is None


def test_a_decision_without_a_question_is_refused(cloud: Cloud) -> None:
    with pytest.raises(NothingToDecide, match="'delivery'"):
        decide(cloud.state, "delivery", execution="e", approved=True, summary="")


def test_an_answer_to_another_execution_is_ignored(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to an earlier execution arrives when this one asks."""
    cloud.settings = {"approval_timeout_seconds": 0.5}
    deploy_gate(cloud)
    late = {"execution": "earlier", "approved": True, "Summary": "for the earlier one"}

    def write_both(question: Path, text: str) -> None:
        question.with_name("approval-answer.json").write_text(json.dumps(late))
        question.write_text(text)

    monkeypatch.setattr(approval, "write_whole", write_both)
    assert "no decision" in cloud.run().reason


def test_commands_that_follow_the_run_show_that_it_waits(cloud: Cloud) -> None:
    for live in (True, False):
        stream = io.StringIO()
        run_gate(cloud, Progress(stream, live=live), approved=True, summary="fine")
        shown = " ".join(stream.getvalue().split())
        assert f"waits for an approval: commit {cloud.commit} (`make approve`)" in shown
