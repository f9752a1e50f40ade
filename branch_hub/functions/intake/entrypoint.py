"""Wires the intake; its only file that reads the environment.

Calls `secretsmanager:GetSecretValue`, `dynamodb:PutItem`, `GetItem` and `UpdateItem` on the table,
`events:PutEvents` on the hub's bus.
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from branch_hub.functions.intake.deliveries import Deliveries
from branch_hub.functions.intake.intake import take_in
from branch_hub.functions.intake.settings import BranchIntakeSettings
from branch_hub.functions.intake.webhook import WebhookReceiver
from branch_hub.functions.shared.bus import BranchEventBus
from branch_hub.functions.shared.secret import HubSecret
from branch_hub.git_hosts.choice import connect_host

# A git host waits about ten seconds for the answer.
_AWS = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Handles a request to the function URL, or an event of the account's bus."""
    return _intake()(event)


@cache
def _intake() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    settings = BranchIntakeSettings.from_env(os.environ)
    secret = HubSecret(
        secrets_manager=boto3.client("secretsmanager", config=_AWS),
        secret_arn=settings.hub_secret_arn,
        clock=time.monotonic,
    )
    return partial(
        take_in,
        receiver=WebhookReceiver(
            host=connect_host(
                settings.git_host,
                repository=settings.repository,
                secret=secret.value,
                client=partial(boto3.client, config=_AWS),
            ),
            secret=secret.webhook_secret,
            deliveries=Deliveries(
                table=boto3.resource("dynamodb", config=_AWS).Table(settings.branch_table_name)
            ),
            bus=BranchEventBus(
                events=boto3.client("events", config=_AWS), bus_name=settings.event_bus_name
            ),
            now=partial(datetime.now, UTC),
        ),
    )
