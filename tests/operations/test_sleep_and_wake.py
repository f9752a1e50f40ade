"""B13: `make sleep` and `make wake` start the hub's machine and show how it ended."""

import json
import runpy
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from lambda_src.shared.branch_suffix import suffix_of_branch
from operations import sleep, sleep_and_wake, wake
from tests.aws_stubs import type_of_aws

X = suffix_of_branch("feature/x")
ARN = "arn:aws:states:us-east-1:000000000000:{}:branch-{}-hub-0a1b2c"
NOW = datetime(2026, 11, 26, 19, tzinfo=UTC)


class Account:
    """Stubs of the two clients."""

    def __init__(self, aws: type_of_aws) -> None:
        self._aws = aws

    def client(self, service: str) -> Any:
        return self._aws(service)[0]

    def hubs(self, *names: str) -> None:
        stacks = [
            {
                "StackName": f"BranchHub-{name}",
                "StackStatus": "CREATE_COMPLETE",
                "CreationTime": NOW,
                "Tags": [{"Key": "branch-hub", "Value": name}],
                "Outputs": [
                    {
                        "OutputKey": f"{direction.title()}StateMachineArn",
                        "OutputValue": ARN.format("stateMachine", direction),
                    }
                    for direction in ("sleep", "wake")
                ],
            }
            for name in names
        ]
        self._aws("cloudformation")[1].add_response("describe_stacks", {"Stacks": stacks})

    def started(self, direction: str) -> None:
        self._aws("stepfunctions")[1].add_response(
            "start_execution",
            {"executionArn": self.execution(direction), "startDate": NOW},
            {
                "stateMachineArn": ARN.format("stateMachine", direction),
                "input": json.dumps({"suffix": X, "always": True}),
            },
        )

    def execution(self, direction: str) -> str:
        return f"{ARN.format('execution', direction)}:run-1"

    def runs(self, direction: str, status: str, **more: Any) -> None:
        self._aws("stepfunctions")[1].add_response(
            "describe_execution",
            {
                "executionArn": self.execution(direction),
                "stateMachineArn": ARN.format("stateMachine", direction),
                "status": status,
                "startDate": NOW,
                **more,
            },
        )

    def at(self, state: str | None) -> None:
        event: dict[str, Any] = {"timestamp": NOW, "id": 1, "type": "TaskStateEntered"}
        if state is not None:
            event["stateEnteredEventDetails"] = {"name": state}
        self._aws("stepfunctions")[1].add_response("get_execution_history", {"events": [event]})


@pytest.fixture
def account(aws: type_of_aws, monkeypatch: pytest.MonkeyPatch) -> Account:
    made = Account(aws)
    monkeypatch.setattr(sleep_and_wake, "open_session", lambda: made)
    monkeypatch.setattr(sleep_and_wake, "_POLL_SECONDS", 0)
    return made


def settled(outcome: str, message: str) -> str:
    claim = {"outcome": "sleep", "message": "m", "suffix": X}
    return json.dumps({"claim": claim, "settled": {"outcome": outcome, "message": message}})


def test_b13_each_step_is_shown_once_and_the_result_at_the_end(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.hubs("hub-0a1b2c")
    account.started("sleep")
    for state in ("Silence", "CountSilence", "Silence", None, "StopDatabase"):
        account.runs("sleep", "RUNNING")
        account.at(state)
    account.runs("sleep", "SUCCEEDED", output=settled("asleep", "it sleeps"))

    assert sleep.main(["--branch", "feature/x"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{X}: run-1 runs; Ctrl-C leaves it running",
        "  Silence",
        "  StopDatabase",
        "it sleeps",
    ]


def test_b13_what_stays_as_it_is_is_no_success(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.hubs("hub-0a1b2c")
    account.started("wake")
    claim = {"outcome": "stays", "message": "environment x does not exist", "suffix": X}
    account.runs("wake", "SUCCEEDED", output=json.dumps({"claim": claim}))

    assert wake.main(["--branch", "feature/x"]) == 1
    assert "does not exist" in capsys.readouterr().out


def test_b13_a_failed_execution_is_named(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.hubs("hub-0a1b2c")
    account.started("wake")
    account.runs("wake", "FAILED", error="RestFailed", cause="See the notice")

    assert wake.main(["--branch", "feature/x"]) == 1
    error = capsys.readouterr().err
    assert f"wake: {X}: the execution failed: RestFailed See the notice" in error
    assert account.execution("wake") in error


def test_b13_the_hub_is_found_or_must_be_named(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.hubs()
    assert sleep.main(["--branch", "feature/x"]) == 1
    assert "there is no branch hub here that can do this" in capsys.readouterr().err

    account.hubs("hub-0a1b2c", "hub-3d4e5f")
    assert sleep.main(["--branch", "feature/x"]) == 1
    assert "say which: HUB=hub-0a1b2c or HUB=hub-3d4e5f" in capsys.readouterr().err

    account.hubs("hub-0a1b2c", "hub-3d4e5f")
    assert sleep.main(["--branch", "feature/x", "--hub", "hub-none"]) == 1
    assert "there is no branch hub hub-none here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("branch", "message"),
    [("", "BRANCH is empty: name a branch"), ("refs/heads/x", "BRANCH='refs/heads/x': ")],
)
def test_b13_a_branch_must_be_named(
    account: Account, capsys: pytest.CaptureFixture[str], branch: str, message: str
) -> None:
    assert sleep.main(["--branch", branch]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["sleep", "wake"])
def test_b13_a_program_ends_with_the_result(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [f"make {name}"])
    monkeypatch.delitem(sys.modules, f"operations.{name}")

    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"operations.{name}", run_name="__main__")
    assert ended.value.code == 1
