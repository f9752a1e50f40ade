"""A small set of accounts in a ledger, and the model of it, side by side.

Many worlds share a database: each has account numbers and ids of its own. Time is the model's too:
accounts were last posted to in the year 2100, and a ledger whose time never goes back stays there.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from tests.app_service.posting.model.documents import POST, POST_AS_BEFORE, Sent, as_before
from tests.app_service.posting.model.ledger import ModelAccount, ModelHold, ModelLedger, Recorded

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
LOCK_WAIT_MS = 60_000
_ROWS = Path(__file__).with_name("rows.sql").read_text()
_numbers = itertools.count(1)


@dataclass
class World:
    number: int
    model: ModelLedger

    @classmethod
    async def open(cls, session: Any, accounts: Mapping[int, ModelAccount]) -> Self:
        """With fresh numbers for the small ones of `accounts`."""
        world = cls(next(_numbers), ModelLedger({}))
        for n, account in accounts.items():
            account.last_posted_at = FUTURE
            world.model.accounts[world.account(n)] = account
        await session.executemany(
            """INSERT INTO ledger.accounts (account_id, currency, may_go_negative, owner,
                                            last_posted_at) VALUES ($1, $2, $3, $4, $5)""",
            [
                (n, a.currency, a.may_go_negative, a.owner, a.last_posted_at)
                for n, a in world.model.accounts.items()
            ],
        )
        return world

    def account(self, n: int) -> int:
        return self.number * 100 + n

    def id(self, n: int) -> UUID:
        return UUID(int=self.number * 2**64 + n)

    # -- both at once -------------------------------------------------------------------------

    async def post(self, session: Any, call: Sequence[Sent]) -> list[str]:
        """The same call to both: the same verdicts and the same ledger afterwards."""
        expected = self.model.post(call)
        assert await post(session, call) == expected, call
        await self.assert_same(session)
        return expected

    async def post_as_before(self, session: Any, call: Sequence[Sent]) -> list[str]:
        expected = self.model.post_as_before(call)
        rows = await session.fetch(POST_AS_BEFORE, *as_before(call))
        assert [row[1] for row in rows] == expected, call
        await self.assert_same(session)
        return expected

    async def change_state(self, session: Any, account_id: int, state: str) -> None:
        done = await session.fetchval(
            "SELECT ledger.change_account_state($1, $2, 'operations', 'someone')", account_id, state
        )
        assert done == self.model.change_state(account_id, state)

    async def advance(self, session: Any, seconds: int, *account_ids: int) -> None:
        """Time passes: of the named accounts, or of all."""
        for n in account_ids or self.model.accounts:
            account = self.model.accounts[n]
            assert account.last_posted_at is not None
            account.last_posted_at += timedelta(seconds=seconds)
            await session.execute(
                "UPDATE ledger.accounts SET last_posted_at = $2 WHERE account_id = $1",
                n,
                account.last_posted_at,
            )

    async def assert_same(self, session: Any) -> None:
        """Every row of this world is as the model says."""
        found, expected = await self.found(session), self.expected()
        for table, rows in expected.items():
            assert found[table] == rows, table

    # -- what is in the tables, and what should be --------------------------------------------

    async def found(self, session: Any) -> dict[str, Any]:
        rows = await session.fetch(
            _ROWS, self.account(0), self.account(99), self.id(0), self.id(2**64 - 1), FUTURE
        )
        return {row["name"]: json.loads(row["rows"]) for row in rows}

    def expected(self) -> dict[str, Any]:
        model = self.model
        accounts = {str(n): account for n, account in model.accounts.items()}
        return {
            "accounts": {
                n: [a.balance_minor, a.held_minor, len(a.entries), a.state, a.owner]
                for n, a in accounts.items()
            },
            "times": {n: _moment(a.last_posted_at) for n, a in accounts.items()},
            "entries": {
                n: [[str(i), amount, after] for i, amount, after in a.entries]
                for n, a in accounts.items()
                if a.entries
            },
            "holds": {str(i): _hold_row(hold) for i, hold in model.holds.items()},
            "transactions": {str(i): _transaction_row(t) for i, t in model.recorded.items()},
            "outbox": [str(i) for i in model.old_outbox],
            "outbox_v2": [str(i) for i in model.outbox],
        }


def _hold_row(hold: ModelHold) -> list[Any]:
    expires_at, closed_by = _moment(hold.expires_at), _text(hold.closed_by)
    return [hold.debit, hold.credit, hold.amount, expires_at, hold.state, closed_by]


def _transaction_row(t: Recorded) -> list[Any]:
    sent, state = t.sent, "refused" if t.reason else "posted"
    return [
        t.kind, state, t.reason, t.debit, t.credit, t.amount, t.currency, _text(sent.target_id),
        _text(t.chain_id), sent.expires_in_seconds, sent.reference,
        json.loads(sent.metadata or "null"), sent.client_id, sent.user_id, sent.path,
        _moment(t.posted_at),
    ]  # fmt: skip


async def post(session: Any, call: Sequence[Sent]) -> list[str]:
    rows = await session.fetch(POST, [sent.row for sent in call], LOCK_WAIT_MS)
    assert [row[0] for row in rows] == [sent.transaction_id for sent in call]
    return [row[1] for row in rows]


def _moment(moment: datetime | None) -> int | None:
    """Microseconds since 2100; None: not known, today."""
    return None if moment is None else (moment - FUTURE) // timedelta(microseconds=1)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
