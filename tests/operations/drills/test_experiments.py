"""B7: `make drill` starts the right experiment, tells what becomes of it, and checks everything."""

import json
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from lambda_src.shared.drills import DRILLS
from operations import verify_audit
from operations.drills import __main__ as program
from operations.drills import recording
from operations.drills.acknowledgements import Stream
from operations.drills.timeline import Timeline
from tests.operations.drills.ledger import ledger, the_tenth
from tests.patience import PATIENCE_SECONDS

ALARM = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:audit-altered-dev"


def template(name: str, *, suffix: str = "dev", **tags: str) -> dict[str, Any]:
    return {"id": name, "tags": {"environment-suffix": suffix, **tags}}


def refused(operation: str) -> ClientError:
    message = f"not authorized: {operation}"
    return ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, operation)


class Pages:
    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self._pages = pages

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return self._pages


class Account:
    """The services of an account with the environment `dev`, in memory."""

    def __init__(self, url: str) -> None:
        self.outputs = {
            "ApiUrl": url,
            "ApiCredentialsSecretName": "credentials-dev",
            "AuditBucketName": "audit-dev",
            "TransactionQueueUrl": "queue",
        }
        self.templates = [
            template("EXT0", suffix="other", drill="kill-task"),
            template("EXT1", drill="kill-task"),
            template("EXT2", drill="lose-zone", zone="us-east-1a"),
            template("EXT3", drill="lose-zone", zone="us-east-1b"),
        ]
        self.experiments: list[dict[str, Any]] = []
        self.states = ["pending", "running", "running", "completed"]
        self.look: Callable[[], None] = lambda: None
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.refuses_to_stop = False
        self.tells_alarms = True
        self.sent: list[dict[str, Any]] = []
        self.writer = "second"

    def client(self, *_: Any, **__: Any) -> "Account":
        return self

    def get_paginator(self, operation: str) -> "Pages":
        return Pages(
            {
                "list_experiment_templates": [
                    {"experimentTemplates": self.templates[:1]},
                    {"experimentTemplates": self.templates[1:]},
                ],
                "list_experiments": [{"experiments": self.experiments}],
            }.get(operation, [])  # the audit bucket is read by other tests
        )

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        outputs = [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()]
        return {"Stacks": [{"Outputs": outputs}]}

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": json.dumps({"client_id": "c", "client_secret": "s"})}

    def send_message(self, **request: str) -> None:
        assert request["QueueUrl"] == "queue"
        self.sent.append(json.loads(request["MessageBody"])["transaction"])

    def post_messages(self) -> None:
        """As the processor does, when it reaches the database again."""
        for transaction in self.sent:
            requests.post(
                f"{self.outputs['ApiUrl']}/transactions", json=transaction, timeout=PATIENCE_SECONDS
            )

    def describe_db_clusters(self, **_: str) -> dict[str, Any]:
        members = [
            {"DBInstanceIdentifier": name, "IsClusterWriter": name == self.writer}
            for name in ("first", "second")
        ]
        return {"DBClusters": [{"DBClusterMembers": members}]}

    def describe_db_instances(self, **request: str) -> dict[str, Any]:
        zone = {"first": "us-east-1a", "second": "us-east-1b"}[request["DBInstanceIdentifier"]]
        return {"DBInstances": [{"AvailabilityZone": zone}]}

    def start_experiment(self, **request: Any) -> dict[str, Any]:
        self.started.append(request)
        return {"experiment": {"id": "EXP1"}}

    def stop_experiment(self, **request: str) -> None:
        if self.refuses_to_stop:
            raise refused("StopExperiment")
        self.stopped.append(request["id"])
        self.states = ["stopping", "stopped"]

    def get_experiment(self, **request: str) -> dict[str, Any]:
        look, self.look = self.look, lambda: None
        look()
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        state = {"status": status}
        if status in ("stopped", "failed"):
            state["reason"] = "said why"
        return {
            "experiment": {
                "id": request["id"],
                "state": state,
                "actions": {"tasks": {"actionId": "aws:ecs:stop-task", "state": state}},
                "stopConditions": [{"source": "aws:cloudwatch:alarm", "value": ALARM}],
            }
        }

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        if not self.tells_alarms:
            raise refused("DescribeAlarms")
        assert request == {"AlarmNames": ["audit-altered-dev"], "StateValue": "ALARM"}
        return {"MetricAlarms": [{"AlarmName": "audit-altered-dev", "StateReason": "1 >= 1"}]}


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the checks at the end find; they have tests of their own."""
    found: dict[str, Any] = {
        "audit trail": [],
        "verify-audit": 0,
        "asked": [],
        "while it waits": lambda: None,
    }

    def verified(arguments: list[str]) -> int:
        found["asked"].append(arguments)
        return int(found["verify-audit"])

    def waited(*_: object) -> list[str]:
        found["while it waits"]()
        return [*found["audit trail"]]

    monkeypatch.setattr(program, "problems_of", waited)
    monkeypatch.setattr(recording, "draw", lambda _: None)
    monkeypatch.setattr(program, "_RECORDS", tmp_path)
    monkeypatch.setattr(verify_audit, "main", verified)
    monkeypatch.setattr(program, "_LOAD_SECONDS", 0.1)
    monkeypatch.setattr("operations.drills.experiment._LOOK_AGAIN_SECONDS", 0.01)
    return found


@pytest.fixture
def account(checked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with ledger() as api:
        found = Account(api.url)
        monkeypatch.setattr(boto3.Session, "client", found.client)
        yield found


def run(drill: str = "kill-task") -> int:
    return program.main(["--suffix", "dev", "--drill", drill])


def test_b7_a_drill_starts_its_template_and_ends_with_the_verification(
    account: Account, checked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    (started,) = account.started
    assert started["experimentTemplateId"] == "EXT1"
    assert started["tags"] == {
        "Name": "kill-task-dev",
        "environment-suffix": "dev",
        "drill": "kill-task",
    }
    said = capsys.readouterr().out
    assert "experiment EXP1: running" in said
    assert "tasks (aws:ecs:stop-task): completed" in said
    assert "nothing acknowledged is missing, and the books balance" in said
    ((option, suffix, _, _),) = checked["asked"]
    assert (option, suffix) == ("--suffix", "dev")


def test_b7_what_the_drill_saw_is_kept_with_the_fault(account: Account, tmp_path: Path) -> None:
    account.states = ["running", "failed"]
    assert run() == 1

    seen = Timeline.read(tmp_path / "experiment-kill-task.json")
    assert seen.environment == "dev"
    assert [(f.what, f.until) for f in seen.faults] == [
        ("experiment kill-task", "the experiment is failed")
    ]
    assert seen.acknowledged
    assert "the experiment was not completed: failed (said why)" in seen.problems


def test_b7_the_zone_of_the_writer_is_lost(account: Account) -> None:
    assert run("lose-zone") == 0
    assert account.started[0]["experimentTemplateId"] == "EXT3"


def test_b7_messages_are_a_part_of_the_load_and_those_that_wait_are_not_missing(
    account: Account, checked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait for their records in the audit trail comes before the look at the ledger."""
    monkeypatch.setattr(program, "_LOAD_SECONDS", 1.5)
    checked["while it waits"] = account.post_messages

    assert run() == 0
    assert account.sent


def test_b7_a_certificate_of_the_environments_own_is_trusted(account: Account) -> None:
    """Without one of a public authority no other is: the API here has none and is plain HTTP."""
    account.outputs["ApiCertificate"] = "-----BEGIN CERTIFICATE-----"
    trusted: list[str] = []
    account.look = lambda: trusted.append("asked")

    assert run() == 0
    assert trusted == ["asked"]


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ({"audit trail": ["1 are not in the audit bucket"]}, "FAILED: 1 are not in the audit"),
        ({"verify-audit": 1}, ""),
    ],
)
def test_b7_a_check_that_fails_fails_the_drill_and_keeps_the_log(
    account: Account,
    checked: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    found: dict[str, Any],
    problem: str,
) -> None:
    checked.update(found)

    assert run() == 1
    said = capsys.readouterr().out
    assert problem in said
    assert "the log of what was acknowledged stays: " in said


def test_b7_a_lost_transaction_fails_the_drill(
    checked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger(loses=the_tenth) as api:
        monkeypatch.setattr(boto3.Session, "client", Account(api.url).client)
        monkeypatch.setattr(program, "_LOAD_SECONDS", 1.0)

        assert run() == 1


def test_b7_it_is_told_which_alarm_stopped_the_experiment(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.states = ["running", "stopped"]

    assert run() == 1
    assert (
        "FAILED: the experiment was not completed: stopped (said why); "
        "alarm audit-altered-dev: 1 >= 1"
    ) in capsys.readouterr().out


def test_b7_without_the_right_to_read_alarms_a_stopped_drill_is_checked_all_the_same(
    account: Account, checked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    account.states = ["running", "stopped"]
    account.tells_alarms = False

    assert run() == 1
    said = capsys.readouterr().out
    assert "stopped (said why); which alarm stopped it is not known: " in said
    assert "nothing acknowledged is missing" in said
    assert checked["asked"]


@pytest.mark.parametrize("is_refused", [False, True])
def test_b7_an_experiment_that_cannot_be_followed_is_stopped(
    account: Account, capsys: pytest.CaptureFixture[str], is_refused: bool
) -> None:
    def refuse() -> None:
        raise refused("GetExperiment")

    account.states, account.look = ["running"], refuse
    account.refuses_to_stop = is_refused

    assert run() == 1
    assert account.stopped == ([] if is_refused else ["EXP1"])
    said = capsys.readouterr().err
    assert "not authorized: GetExperiment" in said
    assert ("aws fis stop-experiment --id EXP1" in said) == is_refused


def test_b7_a_failed_experiment_is_told_with_its_reason(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.states = ["failed"]

    assert run() == 1
    assert "was not completed: failed (said why)\n" in capsys.readouterr().out


def test_b7_an_interruption_stops_the_experiment_and_what_was_acknowledged_is_checked(
    account: Account, checked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    account.states = ["running"]
    account.look = interrupt

    assert run() == 130
    assert account.stopped == ["EXP1"]
    assert checked["asked"]
    assert "interrupted: stopping the experiment" in capsys.readouterr().out


def test_b7_an_experiment_that_has_ended_is_not_stopped(account: Account) -> None:
    def interrupt() -> None:
        account.states = ["completed"]
        raise KeyboardInterrupt

    account.look = interrupt

    assert run() == 130
    assert account.stopped == []


def test_b7_an_interruption_before_the_experiment_starts_none(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Stream, "start", interrupt)

    assert run() == 130
    assert account.started == []


@pytest.mark.parametrize(
    ("drill", "said"),
    [
        ("kill-tasks", f"DRILL='kill-tasks': it must be one of {', '.join(DRILLS)}"),
        ("", f"DRILL='': it must be one of {', '.join(DRILLS)}"),
        ("cut-database", "there is no template for cut-database: this environment has no stack"),
    ],
)
def test_s68_a_drill_that_the_environment_lacks_is_an_error_that_says_what_to_do(
    account: Account, capsys: pytest.CaptureFixture[str], drill: str, said: str
) -> None:
    assert run(drill) == 1
    assert said in capsys.readouterr().err
    assert account.started == []


def test_s68_a_second_experiment_in_the_environment_is_refused(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"id": "EXP0", "state": {"status": "running"}}
    account.experiments = [
        {**other, "tags": {"environment-suffix": "other"}},
        {**other, "tags": {"environment-suffix": "dev"}, "state": {"status": "completed"}},
    ]
    assert run() == 0

    account.experiments.append({**other, "tags": {"environment-suffix": "dev"}})
    assert run() == 1
    assert "experiment EXP0 is running there already" in capsys.readouterr().err
    assert len(account.started) == 1


def test_s68_a_database_without_a_writer_is_waited_for(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.writer = "none"

    assert run("lose-zone") == 1
    assert "database transaction-db-dev has no writer" in capsys.readouterr().err


def test_s68_an_api_that_takes_no_load_starts_no_experiment(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.outputs["ApiUrl"] = "http://127.0.0.1:9"

    assert run() == 1
    assert "SUFFIX='dev': its API takes no load" in capsys.readouterr().err
    assert account.started == []


def test_s68_an_account_that_does_not_answer_is_told(
    no_account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["drills", "--suffix", "dev", "--drill", "kill-task"])
    monkeypatch.delitem(sys.modules, "operations.drills.__main__")

    with pytest.raises(SystemExit) as ended:
        runpy.run_module("operations.drills", run_name="__main__")

    assert ended.value.code == 1
    assert "Could not connect to the endpoint URL" in capsys.readouterr().err
