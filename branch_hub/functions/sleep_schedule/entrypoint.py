"""Wires the sleep schedule; its only file that reads the environment.

Calls `dynamodb:Scan` on the table and `states:StartExecution` on the machines for sleep.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.sleep_schedule.schedule import SLEEP, WAKE, SleepStarter
from branch_hub.functions.sleep_schedule.settings import BranchSleepScheduleSettings

_AWS = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Handles `{"direction": "sleep" or "wake"}` of the schedule."""
    return _schedule()(event)


@cache
def _schedule() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    settings = BranchSleepScheduleSettings.from_env(os.environ)
    table = boto3.resource("dynamodb", config=_AWS).Table(settings.branch_table_name)
    return SleepStarter(
        registry=Registry(table=table),
        stepfunctions=boto3.client("stepfunctions", config=_AWS),
        machines={SLEEP: settings.sleep_machine_arn, WAKE: settings.wake_machine_arn},
        trunk=settings.trunk,
    ).run
