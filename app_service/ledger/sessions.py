"""Sessions in DynamoDB, with a short memory of those just seen.

The table holds the SHA-256 of a token, never the token. DynamoDB deletes expired items when it gets
to it, hours late at times, so expiry is checked here.
"""

import asyncio
import hashlib
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from app_service.ledger.domain import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOKEN_BYTES = 32
FRESH_SECONDS = 5.0  # a session closed through one task is refused by the others after this
REMEMBERED_SECONDS = 300.0  # how long a session just seen outlives a silent DynamoDB
PATIENCE_SECONDS = 0.25  # how long a request waits for a check that its memory could answer
REMEMBERED_MAX = 10_000
LISTED_MAX = 100
BY_USER_INDEX = "by-user"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
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


@dataclass(frozen=True, slots=True)
class _Memory:
    session: Session
    seen_at: float  # when DynamoDB last said so
    fresh_until: float  # before this it is not asked again


class Sessions:
    """Opens, finds and closes sessions. All calls to DynamoDB run on `executor`.

    Raises SessionsUnavailable where DynamoDB does not answer and memory does not help.
    """

    def __init__(
        self,
        *,
        table: "DynamoDBClient",
        table_name: str,
        executor: Executor,
        ttl_seconds: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._table_name = table_name
        self._executor = executor
        self._ttl_seconds = ttl_seconds
        self._now = now
        self._memories: OrderedDict[str, _Memory] = OrderedDict()
        self._checks: dict[str, asyncio.Task[Session | None]] = {}

    async def open(self, *, user_id: str, client_id: str) -> tuple[str, Session]:
        """A new session and its token, which is known to nobody but the caller from here on."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        created_at = int(self._now())
        session = Session(
            token_hash=hash_of(token),
            user_id=user_id,
            client_id=client_id,
            created_at=created_at,
            expires_at=created_at + self._ttl_seconds,
        )
        await self._call(
            partial(
                self._table.put_item,
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
        self._remember(session)
        return token, session

    async def find(self, token: str) -> Session | None:
        """The session of a token, or None if it is unknown, closed or expired."""
        if not _TOKEN.fullmatch(token):
            return None  # never one of ours: not worth a question
        token_hash = hash_of(token)
        memory = self._memories.get(token_hash)
        now = self._now()
        if memory is not None and now < memory.fresh_until:
            session: Session | None = memory.session
        elif memory is not None and now < memory.seen_at + REMEMBERED_SECONDS:
            session = await self._check_or_recall(memory)
        else:
            session = await asyncio.shield(self._check(token_hash))
        return session if session is not None and self._now() < session.expires_at else None

    async def close(self, session: Session) -> None:
        """Every task refuses it within FRESH_SECONDS; this one at once unless it just checks it."""
        await self._call(
            partial(
                self._table.delete_item,
                TableName=self._table_name,
                Key={"token_hash": {"S": session.token_hash}},
            )
        )
        self._memories.pop(session.token_hash, None)

    async def of_user(self, user_id: str) -> list[Session]:
        """The newest that have not expired, at most LISTED_MAX of them."""
        answer = await self._call(
            partial(
                self._table.query,
                TableName=self._table_name,
                IndexName=BY_USER_INDEX,
                KeyConditionExpression="user_id = :user_id",
                ExpressionAttributeValues={":user_id": {"S": user_id}},
                ScanIndexForward=False,
                Limit=LISTED_MAX,
            )
        )
        found = [_session(item) for item in answer["Items"]]
        return [session for session in found if self._now() < session.expires_at]

    async def probe(self) -> None:
        """Raises SessionsUnavailable if the table does not answer."""
        await self._read("probe")

    # -- details ------------------------------------------------------------------------------

    async def _check_or_recall(self, memory: _Memory) -> Session | None:
        """What DynamoDB says, or what we remember if it does not say it soon."""
        check = self._check(memory.session.token_hash)
        done, _ = await asyncio.wait([check], timeout=PATIENCE_SECONDS)
        if done and check.exception() is None:
            return check.result()
        return memory.session

    def _check(self, token_hash: str) -> "asyncio.Task[Session | None]":
        """One question at a time per session, however many requests wait for the answer."""
        check = self._checks.get(token_hash)
        if check is None:
            check = asyncio.create_task(self._read_and_remember(token_hash))
            self._checks[token_hash] = check
            check.add_done_callback(partial(self._checked, token_hash))
        return check

    def _checked(self, token_hash: str, check: "asyncio.Task[Session | None]") -> None:
        del self._checks[token_hash]
        if not check.cancelled():
            check.exception()  # nobody may be waiting for it any more; it was logged where it arose

    async def _read_and_remember(self, token_hash: str) -> Session | None:
        try:
            session = await self._read(token_hash)
        except SessionsUnavailable:
            memory = self._memories.get(token_hash)
            if memory is not None:  # spare a store in trouble: ask again a little later
                again_at = self._now() + FRESH_SECONDS
                self._memories[token_hash] = replace(memory, fresh_until=again_at)
            raise
        if session is None:
            self._memories.pop(token_hash, None)
        else:
            self._remember(session)
        return session

    async def _read(self, token_hash: str) -> Session | None:
        answer = await self._call(
            partial(
                self._table.get_item,
                TableName=self._table_name,
                Key={"token_hash": {"S": token_hash}},
                ConsistentRead=True,  # it may have been opened through another task just now
            )
        )
        return _session(answer["Item"]) if "Item" in answer else None

    def _remember(self, session: Session) -> None:
        now = self._now()
        self._memories[session.token_hash] = _Memory(session, now, now + FRESH_SECONDS)
        self._memories.move_to_end(session.token_hash)
        if len(self._memories) > REMEMBERED_MAX:
            self._memories.popitem(last=False)

    async def _call(self, call: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        except (BotoCoreError, ClientError) as error:
            logger.warning("session store failed", extra={"reason": reason_of(error)})
            raise SessionsUnavailable from error


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def reason_of(error: BotoCoreError | ClientError) -> str:
    """The code of an AWS answer, or the kind of failure where there was none; never its text."""
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
