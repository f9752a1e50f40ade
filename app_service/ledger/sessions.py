"""Opens, finds and closes sessions, with a short-lived cache of recent ones."""

import asyncio
import hashlib
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from app_service.ledger.session_table import Session, SessionsUnavailable, SessionTable

TOKEN_BYTES = 32
FRESH_SECONDS = 5.0  # a session closed through one task is refused by the others after this
CACHED_SECONDS = 300.0  # how long a cached session is accepted while DynamoDB does not answer
CHECK_TIMEOUT_SECONDS = 0.25  # how long a request with a cached session waits for its check
CACHED_MAX = 10_000
LISTED_MAX = 100
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class _Cached:
    session: Session
    seen_at: float  # when DynamoDB last returned it
    fresh_until: float  # until then DynamoDB is not asked again


class Sessions:
    """Raises SessionsUnavailable if DynamoDB does not answer and the cache cannot."""

    def __init__(
        self, *, table: SessionTable, ttl_seconds: int, now: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._ttl_seconds = ttl_seconds
        self._now = now
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        self._checks: dict[str, asyncio.Task[Session | None]] = {}

    async def open(self, *, user_id: str, client_id: str) -> tuple[str, Session]:
        """A new session and its token, which only the caller knows from then on."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        created_at = int(self._now())
        session = Session(
            token_hash=hash_of(token),
            user_id=user_id,
            client_id=client_id,
            created_at=created_at,
            expires_at=created_at + self._ttl_seconds,
        )
        await self._table.add(session)
        self._remember(session)
        return token, session

    async def find(self, token: str) -> Session | None:
        """The session of a token, or None if it is unknown, closed or expired."""
        if not _TOKEN.fullmatch(token):
            return None  # cannot be one of ours
        token_hash = hash_of(token)
        cached = self._cache.get(token_hash)
        now = self._now()
        if cached is not None and now < cached.fresh_until:
            session: Session | None = cached.session
        elif cached is not None and now < cached.seen_at + CACHED_SECONDS:
            session = await self._check_or_use(cached)
        else:
            session = await asyncio.shield(self._check(token_hash))
        return session if session is not None and self._now() < session.expires_at else None

    async def close(self, session: Session) -> None:
        """This task refuses it at once, unless it is checking it now; others in FRESH_SECONDS."""
        await self._table.delete(session.token_hash)
        self._cache.pop(session.token_hash, None)

    async def of_user(self, user_id: str) -> list[Session]:
        """The newest that have not expired, at most LISTED_MAX of them."""
        found = await self._table.newest_of_user(user_id, LISTED_MAX)
        return [session for session in found if self._now() < session.expires_at]

    async def probe(self) -> None:
        """Raises SessionsUnavailable if the table does not answer."""
        await self._table.read("probe")

    async def _check_or_use(self, cached: _Cached) -> Session | None:
        """The session from DynamoDB, or the cached one if DynamoDB does not answer soon."""
        check = self._check(cached.session.token_hash)
        done, _ = await asyncio.wait([check], timeout=CHECK_TIMEOUT_SECONDS)
        if done and check.exception() is None:
            return check.result()
        return cached.session

    def _check(self, token_hash: str) -> "asyncio.Task[Session | None]":
        """One read at a time per session; all requests that need its answer wait for it."""
        check = self._checks.get(token_hash)
        if check is None:
            check = asyncio.create_task(self._read_and_remember(token_hash))
            self._checks[token_hash] = check
            check.add_done_callback(partial(self._checked, token_hash))
        return check

    def _checked(self, token_hash: str, check: "asyncio.Task[Session | None]") -> None:
        del self._checks[token_hash]
        if not check.cancelled():
            check.exception()  # marks it as retrieved: it is logged, and nobody may wait

    async def _read_and_remember(self, token_hash: str) -> Session | None:
        try:
            session = await self._table.read(token_hash)
        except SessionsUnavailable:
            cached = self._cache.get(token_hash)
            if cached is not None:  # fewer calls to a failing table: check again later
                again_at = self._now() + FRESH_SECONDS
                self._cache[token_hash] = replace(cached, fresh_until=again_at)
            raise
        if session is None:
            self._cache.pop(token_hash, None)
        else:
            self._remember(session)
        return session

    def _remember(self, session: Session) -> None:
        now = self._now()
        self._cache[session.token_hash] = _Cached(session, now, now + FRESH_SECONDS)
        self._cache.move_to_end(session.token_hash)
        if len(self._cache) > CACHED_MAX:
            self._cache.popitem(last=False)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
