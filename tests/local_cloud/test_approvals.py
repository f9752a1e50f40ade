"""The program behind `make approve` asks the local CodePipeline as it asks AWS."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from local_cloud.emulator.codepipeline_api import ApiError, CodePipelineApi
from local_cloud.pipeline.approval import NothingToDecide, decide
from local_cloud.pipeline.executions import execution_states, pipeline_folder
from operations.approvals import Approval, answer_approval, waiting_approval

MESSAGE = "BROADER PERMISSIONS (1 changes): + sqs:*"


class Runs:
    """The recorded runs, without the processes."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def states(self, name: str) -> list[dict[str, Any]]:
        return execution_states(self._state, name)


class Client:
    """A client of the local API, without HTTP."""

    def __init__(self, state: Path) -> None:
        self.api = CodePipelineApi(state_dir=state, runs=cast(Any, Runs(state)))

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        name = re.sub(r"(^|_)(.)", lambda found: found[2].upper(), operation)
        return lambda **request: self.api.call(name, request)

    def get_paginator(self, operation: str) -> Any:
        call = getattr(self, operation)

        class Pages:
            def paginate(self, **request: Any) -> list[dict[str, Any]]:
                return [call(**request)]

        return Pages()


def declared(name: str, provider: str, **configuration: str) -> dict[str, Any]:
    kind = {"Category": "Approval", "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": kind, "Configuration": configuration}


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """A state folder in which one approval of `delivery` waits behind a gate with a log."""
    folder = pipeline_folder(tmp_path, "delivery")
    (folder / "executions" / "e1").mkdir(parents=True)
    log = folder / "gate.log"
    log.write_text("│ + │ sqs:* │\n")
    common: dict[str, Any] = {"started": 1.0, "ended": None, "reason": "", "outputs": {}}
    actions = [
        {"name": "Gate", "provider": "CodeBuild", "state": "Succeeded", "log": str(log), **common},
        {"name": "Ask", "provider": "Manual", "state": "InProgress", "log": "", **common},
    ]
    state = {
        "id": "e1",
        "commit": "c1",
        "status": "Succeeded",  # no process of this test runs it
        "ended": 2.0,
        "trigger": "WebhookV2",
        "started": 1.0,
        "stages": [{"name": "Gated", "actions": actions}],
    }
    (folder / "executions" / "e1" / "state.json").write_text(json.dumps(state))
    about = {
        "stage": "Gated",
        "action": "Ask",
        "execution": "e1",
        "message": MESSAGE,
        "link": "",
        "until": time.time() + 600,
    }
    (folder / "approval.json").write_text(json.dumps(about))
    definitions = tmp_path / "cloud" / "pipelines"
    definitions.mkdir(parents=True)
    stage = {
        "Name": "Gated",
        "Actions": [
            declared("Gate", "CodeBuild"),
            declared("Ask", "Manual", CustomData="#{Gate.CHANGES}"),
        ],
    }
    (definitions / "delivery.json").write_text(json.dumps({"Stages": [stage]}))
    return tmp_path


def approval(state: Path) -> Approval:
    found = waiting_approval(cast(Any, Client(state)), "delivery")
    assert found is not None
    return found


def test_b5_the_message_and_the_log_of_the_gate_are_found(waiting: Path) -> None:
    found = approval(waiting)
    assert (found.stage, found.action, found.execution) == ("Gated", "Ask", "e1")
    assert found.message == MESSAGE
    assert [Path(log).read_text() for log in found.logs] == ["│ + │ sqs:* │\n"]


@pytest.mark.parametrize("is_approved", [True, False])
def test_b5_the_answer_reaches_the_run(waiting: Path, is_approved: bool) -> None:
    answer_approval(
        cast(Any, Client(waiting)), approval(waiting), is_approved=is_approved, by="ada"
    )
    file = pipeline_folder(waiting, "delivery") / "approval-answer.json"
    assert json.loads(file.read_text()) == {
        "execution": "e1", "approved": is_approved, "Summary": "by ada"
    }  # fmt: skip


def test_b5_an_answer_to_a_replaced_question_is_refused(waiting: Path) -> None:
    """A newer run may ask while the older question is still on the screen."""
    shown = approval(waiting)
    file = pipeline_folder(waiting, "delivery") / "approval.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "execution": "e2"}))
    with pytest.raises(ApiError, match="no approval of execution e1") as error:
        answer_approval(cast(Any, Client(waiting)), shown, is_approved=True, by="ada")
    assert error.value.code == "InvalidApprovalTokenException"
    assert not (file.parent / "approval-answer.json").exists()


def test_an_answer_names_the_execution_that_asks(waiting: Path) -> None:
    with pytest.raises(NothingToDecide, match="execution e0"):
        decide(waiting, "delivery", execution="e0", approved=True, summary="")


def test_without_a_question_nothing_waits(waiting: Path) -> None:
    (pipeline_folder(waiting, "delivery") / "approval.json").unlink()
    assert waiting_approval(cast(Any, Client(waiting)), "delivery") is None
