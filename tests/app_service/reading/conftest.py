"""The API over a real ledger, called by a client of any role."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import httpx
import pytest_asyncio

from app_service.database.database import Pool
from app_service.ledger.actor import Actor, Path, Role
from tests.app_service.api.http_api import running_api

# The routes ask these modules' `actor_of` who is asking.
_ROUTES = ("account_reading_routes", "account_state_routes", "transaction_reading_routes")


@dataclass
class ReadingApi:
    http: httpx.AsyncClient

    async def get(self, path: str, *, actor: Any = None, **query: Any) -> httpx.Response:
        """`actor`: an Actor; any type, because a query may have the name `from` (**query)."""
        with acting_as(actor):
            return await self.http.get(path, params=query)

    async def post(self, path: str, *, actor: Actor | None = None) -> httpx.Response:
        with acting_as(actor):
            return await self.http.post(path)

    async def pages(self, path: str, *, of: str, **query: Any) -> AsyncIterator[list[Any]]:
        """All pages of a listing, one after the other."""
        cursor: dict[str, str] = {}
        while True:
            answer = await self.get(path, **query, **cursor)
            assert answer.status_code == 200, answer.text
            document = answer.json()
            yield document[of]
            if document["next_cursor"] is None:
                return
            cursor = {"cursor": document["next_cursor"]}

    async def all(self, path: str, *, of: str, **query: Any) -> list[Any]:
        return [each async for page in self.pages(path, of=of, **query) for each in page]


def client(client_id: str, role: Role = Role.POSTER) -> Actor:
    return Actor(client_id=client_id, user_id="ada", path=Path.API, role=role)


@contextmanager
def acting_as(actor: Actor | None) -> Iterator[None]:
    if actor is None:
        yield
        return
    patches = [
        patch(f"app_service.api.{name}.actor_of", lambda _session: actor) for name in _ROUTES
    ]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


@pytest_asyncio.fixture
async def api(ledger_pool: Pool) -> AsyncIterator[ReadingApi]:
    async with running_api(reading=ledger_pool) as running:
        yield ReadingApi(running.http)
