"""Opens, finds and closes sessions, with a short-lived cache of recent ones."""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from functools import partial

from app_service.clients.credentials import Client
from app_service.clients.failure_limit import FailureLimit
from app_service.clients.recent_reads import RecentReads
from app_service.clients.session_table import Session, SessionTable

TOKEN_BYTES = 32
LISTED_MAX = 100
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Sessions:
    """Raises SessionsUnavailable if DynamoDB does not answer and the cache cannot.

    A token that DynamoDB does not know is refused for FRESH_SECONDS without asking again. That can
    hit no session that another task opens meanwhile: a token is random, so nobody can send it
    before it exists, and its client gets it after DynamoDB has stored it. Reads are consistent.
    `unknown` limits the reads of unknown tokens, by the client's address.
    """

    def __init__(
        self,
        *,
        table: SessionTable,
        unknown: FailureLimit,
        ttl_seconds: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._unknown = unknown
        self._ttl_seconds = ttl_seconds
        self._now = now
        self._recent: RecentReads[Session] = RecentReads(now=now)

    async def open(self, *, user_id: str, client: Client) -> tuple[str, Session]:
        """A new session and its token, which only the caller knows from then on."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        created_at = int(self._now())
        session = Session(
            token_hash=hash_of(token),
            user_id=user_id,
            client_id=client.client_id,
            credential_id=client.credential_id,
            role=client.role,
            created_at=created_at,
            expires_at=created_at + self._ttl_seconds,
        )
        await self._table.add(session)
        self._recent.remember(session.token_hash, session)
        return token, session

    def recent(self, token: str) -> Session | None:
        """The session of a token that was found a moment ago. None: ask `find`."""
        return self._live(self._recent.recent(hash_of(token)))

    async def find(self, token: str, *, address: str) -> Session | None:
        """The session of a token, or None if it is unknown, closed or expired.

        Raises TooManyFailures instead of reading another unknown token for this address.
        """
        if not _TOKEN.fullmatch(token):
            return None  # cannot be one of ours
        token_hash = hash_of(token)
        session = await self._recent.find(
            token_hash,
            read=partial(self._read, token_hash, address),
            admit=partial(self._unknown.check, address),
        )
        return self._live(session)

    async def close(self, session: Session) -> None:
        """This task refuses it at once, unless it is checking it now; others in FRESH_SECONDS."""
        await self._table.delete(session.token_hash)
        self._recent.forget(session.token_hash)

    async def of_user(self, user_id: str, *, client_id: str) -> list[Session]:
        """The client's newest that have not expired, at most LISTED_MAX of them."""
        found = await self._table.newest_of_user(user_id, client_id=client_id, limit=LISTED_MAX)
        return [session for session in found if self._now() < session.expires_at]

    async def probe(self) -> None:
        """Raises SessionsUnavailable if the table does not answer."""
        await self._table.read("probe")

    def _live(self, session: Session | None) -> Session | None:
        return session if session is not None and self._now() < session.expires_at else None

    async def _read(self, token_hash: str, address: str) -> Session | None:
        session = await self._table.read(token_hash)
        if session is None:
            self._unknown.failed(address)
        return session


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
