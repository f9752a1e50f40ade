"""`make approve` shows the question and the permission diff, and accepts yes or no."""

import json
import time
from pathlib import Path

import pytest

from local_cloud.approvals import approve
from local_cloud.pipeline.approval import NothingToDecide, decide
from local_cloud.pipeline.executions import pipeline_folder
from local_cloud.server import CloudError


def never(_: str) -> str:
    raise AssertionError("no question may be asked")


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """A state folder in which one approval of `delivery` waits behind a gate with a log."""
    folder = pipeline_folder(tmp_path, "delivery")
    (folder / "executions" / "e1").mkdir(parents=True)
    log = folder / "gate.log"
    log.write_text("│ + │ sqs:* │\n")
    actions = [
        {"name": "Gate", "state": "Succeeded", "log": str(log)},
        {"name": "Ask", "state": "InProgress", "log": str(folder / "ask.log")},
    ]
    state = {
        "id": "e1",
        "status": "Succeeded",
        "started": 1.0,
        "stages": [{"name": "Gated", "actions": actions}],
    }
    (folder / "executions" / "e1" / "state.json").write_text(json.dumps(state))
    about = {
        "stage": "Gated",
        "action": "Ask",
        "execution": "e1",
        "message": "BROADER PERMISSIONS (1 changes): + sqs:*",
        "link": "",
        "until": time.time() + 600,
    }
    (folder / "approval.json").write_text(json.dumps(about))
    return tmp_path


def answer_of(state: Path) -> bool:
    file = pipeline_folder(state, "delivery") / "approval-answer.json"
    return bool(json.loads(file.read_text())["approved"])


def test_b5_the_permission_diff_is_shown_before_the_answer(
    waiting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []

    def ask(question: str) -> str:
        shown.append(capsys.readouterr().out)
        return "yes"

    assert approve(waiting, "delivery", answer="", ask=ask)
    assert "│ + │ sqs:* │" in shown[0]
    assert "Gated/Ask: BROADER PERMISSIONS" in shown[0]
    assert answer_of(waiting)


def test_no_rejects_without_asking(waiting: Path) -> None:
    assert not approve(waiting, "delivery", answer="no", ask=never)
    assert not answer_of(waiting)


@pytest.mark.parametrize("answer", ["", "maybe", "yes please"])
def test_an_answer_that_is_neither_yes_nor_no_is_refused(waiting: Path, answer: str) -> None:
    with pytest.raises(CloudError, match="must be yes or no"):
        approve(waiting, "delivery", answer="", ask=lambda _: answer)
    assert not (pipeline_folder(waiting, "delivery") / "approval-answer.json").exists()


def test_an_answer_to_a_replaced_question_is_refused(waiting: Path) -> None:
    """A newer run may ask while the older question is still on the screen."""

    def ask(_: str) -> str:
        file = pipeline_folder(waiting, "delivery") / "approval.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "execution": "e2"}))
        return "yes"

    with pytest.raises(CloudError, match="the question changed"):
        approve(waiting, "delivery", answer="", ask=ask)


def test_an_answer_names_the_execution_that_asks(waiting: Path) -> None:
    with pytest.raises(NothingToDecide, match="execution e0"):
        decide(waiting, "delivery", execution="e0", approved=True, summary="")
    assert not (pipeline_folder(waiting, "delivery") / "approval-answer.json").exists()


def test_without_a_waiting_approval_it_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="no approval is waiting"):
        approve(tmp_path, "delivery", answer="yes", ask=never)
