"""Sessions in DynamoDB. The table holds the SHA-256 of a token, never the token."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from app_service.ledger.domain import Unavailable
from app_service.settings import SESSIONS_BY_USER_INDEX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


class SessionsUnavailable(Unavailable):
    code = "sessions_unavailable"

    def __init__(self) -> None:
        super().__init__("the session store does not answer; send the request again")


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Times are whole seconds since 1970."""

    token_hash: str
    user_id: str
    client_id: str
    created_at: int
    expires_at: int


class SessionTable:
    """All calls run on `executor`. They raise SessionsUnavailable if DynamoDB does not answer.

    DynamoDB deletes expired items late, by hours at times: callers check `expires_at`.
    """

    def __init__(self, *, dynamodb: "DynamoDBClient", table_name: str, executor: Executor) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._executor = executor

    async def add(self, session: Session) -> None:
        await self._call(
            partial(
                self._dynamodb.put_item,
                TableName=self._table_name,
                Item={
                    "token_hash": {"S": session.token_hash},
                    "user_id": {"S": session.user_id},
                    "client_id": {"S": session.client_id},
                    "created_at": {"N": str(session.created_at)},
                    "expires_at": {"N": str(session.expires_at)},
                },
                ConditionExpression="attribute_not_exists(token_hash)",
            )
        )

    async def read(self, token_hash: str) -> Session | None:
        answer = await self._call(
            partial(
                self._dynamodb.get_item,
                TableName=self._table_name,
                Key={"token_hash": {"S": token_hash}},
                ConsistentRead=True,  # another task may have opened it a moment ago
            )
        )
        return _session(answer["Item"]) if "Item" in answer else None

    async def delete(self, token_hash: str) -> None:
        await self._call(
            partial(
                self._dynamodb.delete_item,
                TableName=self._table_name,
                Key={"token_hash": {"S": token_hash}},
            )
        )

    async def newest_of_user(self, user_id: str, limit: int) -> list[Session]:
        answer = await self._call(
            partial(
                self._dynamodb.query,
                TableName=self._table_name,
                IndexName=SESSIONS_BY_USER_INDEX,
                KeyConditionExpression="user_id = :user_id",
                ExpressionAttributeValues={":user_id": {"S": user_id}},
                ScanIndexForward=False,
                Limit=limit,
            )
        )
        return [_session(item) for item in answer["Items"]]

    async def _call(self, call: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        except (BotoCoreError, ClientError) as error:
            logger.warning("session store failed", extra={"reason": _reason_of(error)})
            raise SessionsUnavailable from error


def _reason_of(error: BotoCoreError | ClientError) -> str:
    """The code of an AWS error, or the name of the exception; never its text."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__


def _session(item: "dict[str, Any]") -> Session:
    return Session(
        token_hash=item["token_hash"]["S"],
        user_id=item["user_id"]["S"],
        client_id=item["client_id"]["S"],
        created_at=int(item["created_at"]["N"]),
        expires_at=int(item["expires_at"]["N"]),
    )
