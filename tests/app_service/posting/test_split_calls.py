"""How a client cuts its transactions into calls does not matter, as long as no chain is cut."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app_service.conftest import LedgerDatabase
from tests.app_service.posting.model.documents import Sent
from tests.app_service.posting.model.scripts import (
    SCRIPT,
    SCRIPTS,
    Again,
    New,
    Writer,
    accounts,
    examples,
    funds,
    step_of,
)
from tests.app_service.posting.model.world import World, post


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """Hypothesis runs plain functions."""
    with asyncio.Runner() as loop:
        yield loop


@pytest.fixture
def session(runner: asyncio.Runner, ledger_database: LedgerDatabase) -> Iterator[Any]:
    async def connect() -> Any:
        return await asyncpg.connect(ledger_database.dsn)

    session = runner.run(connect())
    yield session
    runner.run(session.close())


@given(before=SCRIPT, script=SCRIPT, cuts=st.integers(0, 2**32 - 1))
@examples(SCRIPTS // 2)
def test_several_calls_do_what_one_call_does(
    runner: asyncio.Runner, session: Any, before: list[int], script: list[int], cuts: int
) -> None:
    """S32: the same verdicts, balances, entries and records."""
    runner.run(_compare(session, before, script, random.Random(cuts)))


async def _compare(
    session: Any, before: Sequence[int], script: Sequence[int], cuts: random.Random
) -> None:
    whole, split = [await World.open(session, accounts()) for _ in range(2)]
    writer = Writer(whole)
    for call in (funds(whole), _call(writer, before)):
        await whole.post(session, call)
        await post(session, _moved(call, whole, split))
    call = _call(writer, script)
    expected = await whole.post(session, call)
    verdicts = []
    for piece in _pieces(_moved(call, whole, split), cuts):
        verdicts += await post(session, piece)
    assert verdicts == expected
    assert await _rows(session, split) == await _rows(session, whole)


def _call(writer: Writer, script: Sequence[int]) -> list[Sent]:
    """All that the script says in one call."""
    for step in map(step_of, script):
        if isinstance(step, New | Again):
            writer.say(step)
    return writer.call()


def _pieces(call: Sequence[Sent], cuts: random.Random) -> Iterator[list[Sent]]:
    piece: list[Sent] = []
    for sent in call:
        piece.append(sent)
        if not sent.linked and cuts.random() < 0.5:
            yield piece
            piece = []
    if piece:
        yield piece


def _moved(call: Sequence[Sent], origin: World, to: World) -> list[Sent]:
    """The same transactions in another world."""

    def key(value: UUID) -> UUID:
        return UUID(int=value.int - origin.id(0).int + to.id(0).int)

    def account(value: int | None) -> int | None:
        return None if value is None else value - origin.account(0) + to.account(0)

    return [
        replace(
            sent,
            transaction_id=key(sent.transaction_id),
            target_id=sent.target_id and key(sent.target_id),
            debit_account=account(sent.debit_account),
            credit_account=account(sent.credit_account),
        )
        for sent in call
    ]


async def _rows(session: Any, world: World) -> Any:
    """What is in the tables, with numbers and ids counted from those of the world.

    Without the time of a refusal, which is that of its call.
    """

    def relative(value: Any) -> Any:
        if isinstance(value, dict):
            return {relative(key): relative(each) for key, each in value.items()}
        if isinstance(value, list):
            return [relative(each) for each in value]
        text = str(value)
        if text.startswith(str(world.id(0))[:18]):
            return text[18:]
        if text.isdecimal() and world.account(0) <= int(text) < world.account(100):
            return f"account {int(text) - world.account(0)}"
        return value

    found = await world.found(session)
    for row in found["transactions"].values():
        if row[1] == "refused":
            row[-1] = None
    return relative(found)
