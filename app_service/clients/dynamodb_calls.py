"""Calls of DynamoDB from the event loop: they run in threads, and fail as one kind of error."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from app_service.ledger.domain import Unavailable

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DynamoDbCalls:
    """Raises `unavailable` if DynamoDB does not answer; the log line names the `store`."""

    executor: Executor
    store: str
    unavailable: type[Unavailable]

    async def run(self, call: Callable[[], _T]) -> _T:
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self.executor, call)
        except (BotoCoreError, ClientError) as error:
            logger.warning("%s failed", self.store, extra={"reason": _reason_of(error)})
            raise self.unavailable() from error
        if _broke_off(answer):
            logger.warning("%s failed", self.store, extra={"reason": "answer broke off"})
            raise self.unavailable()
        return answer


def _broke_off(answer: object) -> bool:
    """boto3 takes an answer that ends in its head for one without a body: nothing would be found.

    DynamoDB sends the length of every answer
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html).
    """
    metadata = answer.get("ResponseMetadata", {}) if isinstance(answer, Mapping) else {}
    length = metadata.get("HTTPHeaders", {"content-length": "0"}).get("content-length", "")
    return not length.isdigit()  # it can break off before the digits, too


def _reason_of(error: BotoCoreError | ClientError) -> str:
    """The code of an AWS error, or the name of the exception; never its text."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__
