"""Turns for requests that may wait for an account which another session has locked.

They wait on the connections that all reads share. Without turns, a few requests of one locked
account would keep every connection until the lock is given back, and reads and probes would wait.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from app_service.ledger.domain import AccountBusy


class AccountTurns:
    """At most `of_one` requests of one account have a turn at a time, and `of_all` of all."""

    def __init__(self, *, of_one: int, of_all: int) -> None:
        self._of_one = of_one
        self._all = asyncio.Semaphore(of_all)
        # Only as long as a request uses it.
        self._accounts: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, account_id: int, *, deadline: float) -> AsyncIterator[None]:
        """Raises AccountBusy if there is none until the deadline, in the loop's time."""
        account = self._accounts.setdefault(account_id, asyncio.Semaphore(self._of_one))
        async with AsyncExitStack() as turns:
            try:
                async with asyncio.timeout_at(deadline):
                    # The account's first: who waits for it takes nothing from other accounts.
                    await turns.enter_async_context(account)
                    await turns.enter_async_context(self._all)
            except TimeoutError:
                raise AccountBusy from None
            yield
