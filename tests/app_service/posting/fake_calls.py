"""A database whose posting calls return when the test allows it, one by one."""

import asyncio
from collections.abc import Collection, Sequence

from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict
from app_service.posting.account_locks import LockNotGranted
from app_service.posting.batching import Batcher
from tests.app_service.build import soon, submitted, transaction
from tests.patience import PATIENCE_SECONDS

OTHER = 1000  # the credit account is the debit account and this


class FakeCalls:
    """An odd amount is posted, an even one is replayed."""

    def __init__(self) -> None:
        self.made: list[list[Transaction]] = []
        self.deadlines: list[float] = []  # of these calls
        self.failures: dict[int, Exception] = {}  # by the amount of a transaction in the call
        self.locked: set[int] = set()  # accounts that another session holds
        self.waits: list[int] = []  # accounts whose lock was waited for
        self.wait_failures: list[Exception] = []
        self.held_failures: list[Exception] = []
        self.unlocked = asyncio.Event()
        self._gates: list[asyncio.Event] = []

    async def post(
        self, submissions: Sequence[Submission], *, lock_wait_ms: int, deadline: float
    ) -> list[Verdict]:
        transactions = [each.transaction for each in submissions]
        self.made.append(transactions)
        self.deadlines.append(deadline)
        gate = asyncio.Event()
        self._gates.append(gate)
        await gate.wait()
        if any({t.debit_account, t.credit_account} & self.locked for t in transactions):
            raise LockNotGranted
        amounts = _amounts(transactions)
        for amount in amounts:
            if amount in self.failures:
                raise self.failures[amount]
        return [Verdict.POSTED if amount % 2 else Verdict.REPLAYED for amount in amounts]

    async def held(self, account_ids: Collection[int], *, deadline: float) -> frozenset[int]:
        if self.held_failures:
            raise self.held_failures.pop()
        return frozenset(self.locked.intersection(account_ids))

    async def wait_for(self, account_id: int, *, lock_wait_ms: int, deadline: float) -> None:
        self.waits.append(account_id)
        if self.wait_failures:
            raise self.wait_failures.pop()
        while account_id in self.locked:
            self.unlocked.clear()
            await self.unlocked.wait()

    def unlock(self, *account_ids: int) -> None:
        self.locked.difference_update(account_ids)
        self.unlocked.set()

    async def let_return(self, call: int) -> None:
        await settle()
        self._gates[call].set()
        await settle()

    async def let_all_return(self, *requests: "asyncio.Task[list[Verdict]]") -> list[list[Verdict]]:
        """Every call from now on, until these requests are answered."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not all(request.done() for request in requests):
                for gate in self._gates:
                    gate.set()
                await settle()
        return [request.result() for request in requests]

    @property
    def amounts(self) -> list[list[int]]:
        return [_amounts(call) for call in self.made]


def _amounts(transactions: Sequence[Transaction]) -> list[int]:
    return [t.amount_minor or 0 for t in transactions]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def asked(
    batcher: Batcher, *amounts: int, account: int | None = None, seconds: float | None = None
) -> "asyncio.Task[list[Verdict]]":
    """A request of transactions that share no account, or all debit this one."""
    transactions = [transaction(account or amount, OTHER + amount, amount) for amount in amounts]
    clock = asyncio.get_running_loop().time
    deadline = soon() if seconds is None else clock() + seconds
    return asyncio.create_task(batcher.post(submitted(*transactions), deadline=deadline))
