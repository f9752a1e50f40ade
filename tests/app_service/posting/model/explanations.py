"""Calls at the same time: in which order would the model have given the same answers?"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

from tests.app_service.posting.model.documents import Sent, chains_of
from tests.app_service.posting.model.ledger import ModelLedger
from tests.app_service.posting.model.world import FUTURE, World


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A call that was repeated until it was answered."""

    call: Sequence[Sent]
    verdicts: Sequence[str]
    lost_an_answer: bool = False  # an attempt before may have been committed


@dataclass(frozen=True)
class _Step:
    """A chain is posted at once; other calls may come between two chains of a call."""

    chain: Sequence[Sent]
    call: Sequence[Sent]
    verdicts: list[str] | None  # None: the answer was lost


_State = tuple[Hashable, ...]


async def accept_if_explained(world: World, session: Any, answered: Sequence[Answered]) -> None:
    """The world's model becomes one that gives these answers in some order and holds these rows.

    Fails if there is none: then a call was lost, doubled, or answered with what is not so.
    """
    rows = await world.found(session)
    found = _comparable(rows)
    seen: set[_State] = set()
    for tracks in product(*map(_tracks, answered)):
        for model in _outcomes(world.model, list(tracks), rows, seen):
            outcome = World(world.number, model)
            if _comparable(outcome.expected()) == found:
                _settle(model, rows)
                world.model = model
                return
    raise AssertionError(f"no order of these calls explains answers and rows: {answered}\n{found}")


def _tracks(answered: Answered) -> Iterator[Sequence[_Step]]:
    chains = chains_of(answered.call)
    verdicts = iter(answered.verdicts)
    last = [_Step(chain, answered.call, [next(verdicts) for _ in chain]) for chain in chains]
    yield last
    if answered.lost_an_answer:
        yield [_Step(chain, answered.call, None) for chain in chains] + last


def _outcomes(
    model: ModelLedger, tracks: list[Sequence[_Step]], rows: dict[str, Any], seen: set[_State]
) -> Iterator[ModelLedger]:
    """All models at the end, of the orders in which every answer is as given.

    There are 10^12 orders of three calls whose answers were lost. Those that lead to a state from
    which the search went on before, or to a row that is not there, are left out.
    """
    state = _state(model, tracks)
    if state in seen or not _leads_to(model, rows):
        return
    seen.add(state)
    if not any(tracks):
        yield model
    for n, track in enumerate(tracks):
        if track:
            step, trial = track[0], model.copy()
            verdicts = trial.post_chain(step.chain, trial.moment_of(step.call))
            if step.verdicts in (None, verdicts):
                rest = [*tracks[:n], track[1:], *tracks[n + 1 :]]
                yield from _outcomes(trial, rest, rows, seen)


def _state(model: ModelLedger, tracks: Sequence[Sequence[_Step]]) -> _State:
    """What decides how the search goes on: how much of each call is left, and the ledger."""
    return (
        tuple(map(len, tracks)),
        frozenset(model.recorded.items()),
        frozenset((i, hold.state, hold.closed_by) for i, hold in model.holds.items()),
        frozenset(
            (n, account.held_minor, account.last_posted_at, tuple(account.entries))
            for n, account in model.accounts.items()
        ),
    )


def _leads_to(model: ModelLedger, rows: dict[str, Any]) -> bool:
    """Nothing that was recorded or entered changes later."""
    entries, transactions = rows["entries"], rows["transactions"]
    return all(
        entries.get(str(n), [])[: len(account.entries)]
        == [[str(i), amount, after] for i, amount, after in account.entries]
        for n, account in model.accounts.items()
    ) and all(
        str(i) in transactions and transactions[str(i)][2] == recorded.reason
        for i, recorded in model.recorded.items()
    )


def _settle(model: ModelLedger, rows: dict[str, Any]) -> None:
    """What the order of calls that share nothing has decided."""
    model.outbox = [UUID(i) for i in rows["outbox_v2"]]
    for i, row in rows["transactions"].items():
        recorded = model.recorded[UUID(i)]
        at = None if row[-1] is None else FUTURE + timedelta(microseconds=row[-1])
        model.recorded[UUID(i)] = replace(recorded, posted_at=at)


def _comparable(rows: dict[str, Any]) -> dict[str, Any]:
    """Without what the order of calls that share nothing decides."""
    transactions = {
        i: row[:-1] if row[1] == "refused" else row for i, row in rows["transactions"].items()
    }
    return rows | {"transactions": transactions, "outbox_v2": sorted(rows["outbox_v2"])}
