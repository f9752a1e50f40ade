"""Wires the function that stops and starts the parts of an environment; its only file that reads
the environment variables.

The calls are named in database.py, service.py and surroundings.py.
"""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from branch_hub.functions.sleep_steps.database import Database
from branch_hub.functions.sleep_steps.requests import SleepSteps
from branch_hub.functions.sleep_steps.service import Service
from branch_hub.functions.sleep_steps.settings import BranchSleepStepsSettings
from branch_hub.functions.sleep_steps.surroundings import Surroundings

_AWS = Config(
    connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers one request of a state machine."""
    return _steps()(event)


@cache
def _steps() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    settings = BranchSleepStepsSettings.from_env(os.environ)
    ecs = boto3.client("ecs", config=_AWS)
    return SleepSteps(
        trunk=settings.trunk,
        surroundings=Surroundings(
            cloudformation=boto3.client("cloudformation", config=_AWS),
            cloudwatch=boto3.client("cloudwatch", config=_AWS),
            ecs=ecs,
            events=boto3.client("events", config=_AWS),
            lambda_=boto3.client("lambda", config=_AWS),
        ),
        service=Service(
            ecs=ecs,
            scaling=boto3.client("application-autoscaling", config=_AWS),
            elbv2=boto3.client("elbv2", config=_AWS),
        ),
        database=Database(rds=boto3.client("rds", config=_AWS)),
        now=partial(datetime.now, UTC),
    ).carry_out
