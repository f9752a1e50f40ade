"""What both functions of a queue open: clients with limits of time, and their circuit breaker."""

import time
from typing import TYPE_CHECKING, Final, Protocol

import boto3
from botocore.config import Config

from lambda_src.shared.breaker import CircuitBreaker, Limits
from lambda_src.shared.breaker_table import BreakerTable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# The function must answer within its timeout even if a service does not answer.
AWS: Final = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
)
# Read before every batch, and ignored if it does not answer at once.
_BREAKER_AWS: Final = Config(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2}
)
# Calls are never repeated.
_ONCE_AWS: Final = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}
)


class BreakerSettings(Protocol):
    @property
    def breaker_table_name(self) -> str: ...
    @property
    def breaker_failures_max(self) -> int: ...
    @property
    def breaker_pause_first_seconds(self) -> int: ...
    @property
    def breaker_pause_max_seconds(self) -> int: ...


def sqs_once() -> "SQSClient":
    """For sends and changes of visibility: a send whose answer was lost may have happened, and then
    each repetition would add another copy of up to ten messages."""
    return boto3.client("sqs", config=_ONCE_AWS)


def open_breaker(name: str, settings: BreakerSettings) -> CircuitBreaker:
    """The breaker whose state is the item `name`."""
    return CircuitBreaker(
        store=BreakerTable(
            dynamodb=boto3.client("dynamodb", config=_BREAKER_AWS),
            table_name=settings.breaker_table_name,
            breaker=name,
            now=time.time,
        ),
        limits=Limits(
            failures_max=settings.breaker_failures_max,
            pause_first_seconds=settings.breaker_pause_first_seconds,
            pause_max_seconds=settings.breaker_pause_max_seconds,
        ),
        now=time.time,
    )
