"""B13: the schedule starts one execution for each environment that is to sleep or to wake."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from branch_hub.functions.shared.records import Purpose, State
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.sleep_registry import SleepRegistry
from branch_hub.functions.sleep_schedule import entrypoint
from branch_hub.functions.sleep_schedule.schedule import InvalidRequest, NotStarted
from branch_hub.functions.sleep_schedule.settings import BranchSleepScheduleSettings
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import Account
from tests.aws_stubs import type_of_aws

NOW = datetime(2026, 11, 26, 19, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:branch-{}"
EXECUTION = MACHINE.replace("stateMachine", "execution").format("sleep:one")
Stub = Any


@pytest.fixture
def states(
    account: Account, aws: type_of_aws, monkeypatch: pytest.MonkeyPatch
) -> tuple[Registry, Stub]:
    table = account.create_table()
    settings = BranchSleepScheduleSettings(
        branch_table_name=table,
        trunk="main",
        sleep_machine_arn=MACHINE.format("sleep"),
        wake_machine_arn=MACHINE.format("wake"),
    )
    client, stub = aws("stepfunctions")
    for variable, value in settings.to_env().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
    monkeypatch.setattr(boto3, "resource", lambda service, **_: account.resource(service))
    entrypoint._schedule.cache_clear()
    return Registry(table=account.table(table)), stub


def live(registry: Registry, branch: str, *, asleep: bool = False) -> str:
    suffix = suffix_of_branch(branch)
    registry.extend(suffix, branch=branch, commit=None, now=NOW, expires_at=None)
    if asleep:
        SleepRegistry(registry).lock_to_sleep(suffix, holder=EXECUTION, now=NOW, until=None)
        registry.release(suffix, holder=EXECUTION, state=State.LIVE)
    return suffix


def expect(stub: Stub, direction: str, suffix: str) -> None:
    stub.add_response(
        "start_execution",
        {"executionArn": EXECUTION, "startDate": NOW},
        {"stateMachineArn": MACHINE.format(direction), "input": json.dumps({"suffix": suffix})},
    )


def test_b13_in_the_evening_all_live_environments_beside_the_trunk(
    states: tuple[Registry, Stub],
) -> None:
    registry, stub = states
    asleep = live(registry, "feature/asleep", asleep=True)
    live(registry, "main")
    gone = suffix_of_branch("gone")
    registry.lock(gone, purpose=Purpose.DESTROY, holder=EXECUTION, branch="gone", now=NOW)
    expect(stub, "sleep", asleep)  # AWS may have started its cluster

    assert entrypoint.handler({"direction": "sleep"}, None) == {"started": [asleep]}


def test_b13_in_the_morning_those_that_sleep(states: tuple[Registry, Stub]) -> None:
    registry, stub = states
    asleep = live(registry, "feature/asleep", asleep=True)
    live(registry, "feature/awake")
    expect(stub, "wake", asleep)

    assert entrypoint.handler({"direction": "wake"}, None) == {"started": [asleep]}


def test_b13_one_that_cannot_be_started_is_named_and_does_not_stop_the_others(
    states: tuple[Registry, Stub],
) -> None:
    registry, stub = states
    for name in ("a", "b"):
        live(registry, name)
    stub.add_client_error("start_execution", "ThrottlingException")
    stub.add_response("start_execution", {"executionArn": EXECUTION, "startDate": NOW})

    with pytest.raises(NotStarted, match=r"sleep was not started for [ab]-"):
        entrypoint.handler({"direction": "sleep"}, None)


def test_b13_a_direction_is_never_guessed(states: tuple[Registry, Stub]) -> None:
    with pytest.raises(InvalidRequest, match="direction is None: it must be sleep or wake"):
        entrypoint.handler({}, None)
