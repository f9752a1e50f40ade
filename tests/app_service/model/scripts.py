"""Random uses of a ledger: calls with transactions of every kind, and what happens between calls.

Numbers are small, so that ids meet again, money runs out, accounts do not exist and time runs out.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

from tests.app_service.model.documents import LIMIT, OPERATOR, Sent, as_before, chains_of
from tests.app_service.model.ledger import ModelAccount
from tests.app_service.model.world import World

_MORE = "LEDGER_EXAMPLES"
NO_ACCOUNT = 7


def examples(number: int, *, phases: Sequence[Phase] = tuple(Phase)) -> settings:
    """The same examples in every run. LEDGER_EXAMPLES=5000 tries as many other ones."""
    more = os.environ.get(_MORE)
    return settings(
        max_examples=int(more or number),
        derandomize=more is None,
        deadline=None,
        database=None,
        phases=phases,
        print_blob=False,
    )


def accounts() -> dict[int, ModelAccount]:
    return {
        1: ModelAccount("USD", may_go_negative=True, owner="ann"),
        2: ModelAccount("USD", owner="ann"),
        3: ModelAccount("USD", owner="bob"),
        4: ModelAccount("USD"),  # opened before accounts had owners
        5: ModelAccount("USD", may_go_negative=True, owner="bob"),
        6: ModelAccount("EUR", may_go_negative=True, owner="ann"),
    }


@dataclass(frozen=True)
class New:
    """A transaction; small numbers stand for accounts and ids of the world."""

    id: int
    kind: str
    debit: int
    credit: int
    amount: int | None
    currency: str
    back: int  # a target is that many targets ago
    seconds: int
    linked: bool
    client: str
    reference: str | None
    metadata: str | None


@dataclass(frozen=True)
class Again:
    """A transaction from before, with a change."""

    back: int
    change: dict[str, Any]


@dataclass(frozen=True)
class CallAgain:
    """A whole call from before, as a client sends it whose answer was lost."""

    back: int


@dataclass(frozen=True)
class Change:
    account: int
    state: str


@dataclass(frozen=True)
class Later:
    seconds: int
    account: int | None  # None: all


_account = st.sampled_from([1, 1, 1, 2, 2, 3, 3, 4, 5, 6, NO_ACCOUNT])
NEW = st.builds(
    New,
    id=st.integers(0, 40),
    kind=st.sampled_from(
        ["transfer"] * 4
        + ["hold"] * 3
        + ["capture"] * 3
        + ["void", "reversal", "reversal", "expiry"]
    ),
    debit=_account,
    credit=_account,
    amount=st.sampled_from([0, 1, 5, 10, 30, 60, LIMIT - 30, LIMIT, None]),
    currency=st.sampled_from(["USD"] * 9 + ["EUR"]),
    back=st.integers(0, 5),
    seconds=st.sampled_from([1, 10, 100]),
    linked=st.sampled_from([False, False, True]),
    client=st.sampled_from([OPERATOR] * 6 + ["ann", "bob"]),
    reference=st.sampled_from([None, None, "order 7"]),
    metadata=st.sampled_from([None, None, '{"leg": 1, "of": [true, null]}', "{}"]),
)
AGAIN = st.builds(
    Again,
    back=st.integers(1, 8),
    change=st.sampled_from(
        [
            {},
            {},
            {"client_id": "ann", "user_id": "another", "path": "queue"},
            {"reference": "other"},
            {"metadata": '{"of": [true, null], "leg": 1}'},
            {"amount_minor": 5},
            {"linked": True},
            {"linked": False},
        ]
    ),
)
CALL = st.lists(NEW | NEW | NEW | AGAIN, min_size=1, max_size=8)
BETWEEN = st.one_of(
    st.builds(CallAgain, st.integers(1, 4)),
    st.builds(
        Change, st.integers(1, 6), st.sampled_from(["frozen", "open", "open", "closed", "frozen"])
    ),
    st.builds(Later, st.sampled_from([1, 9, 10, 200]), st.none() | st.none() | st.integers(1, 6)),
)
SCRIPT = st.lists(CALL | CALL | BETWEEN, min_size=1, max_size=8)


@dataclass
class Writer:
    """Turns what was drawn into documents of a world. Remembers them: targets and repetitions."""

    world: World
    said: list[Sent] = field(default_factory=list)
    calls: list[list[Sent]] = field(default_factory=list)

    def call(self, items: Sequence[New | Again]) -> list[Sent]:
        call = []
        for item in items:
            if isinstance(item, Again):
                call += [replace(sent, **item.change) for sent in self.said[-item.back :][:1]]
            else:
                call.append(self._new(item))
            self.said += call[-1:]
        # Mostly with an end of its last chain.
        if call and call[-1].linked and len(call) % 4:
            call[-1] = replace(call[-1], linked=False)
        self.calls.append(call)
        return call

    def _new(self, new: New) -> Sent:
        world = self.world
        common = Sent(
            transaction_id=world.id(new.id),
            kind=new.kind,
            linked=new.linked and new.kind != "expiry",
            client_id=new.client,
            reference=new.reference,
            metadata=new.metadata,
            path="ledger" if new.kind == "expiry" else "api",
        )
        if new.kind in ("transfer", "hold"):
            return replace(
                common,
                debit_account=world.account(new.debit),
                credit_account=world.account(new.credit),
                amount_minor=new.amount if new.amount is not None else 20,
                currency=new.currency,
                expires_in_seconds=new.seconds if new.kind == "hold" else None,
            )
        likely = ("transfer", "capture") if new.kind == "reversal" else ("hold",)
        targets = [sent for sent in self.said if sent.kind in likely or new.back == 5]
        target = targets[-1 - new.back :][:1]
        return replace(
            common,
            target_id=target[0].transaction_id if target else world.id(99),
            amount_minor=new.amount if new.kind == "capture" else None,
        )


async def play(session: Any, script: Sequence[Any]) -> World:
    """Both ledgers do what the script says and agree at every step."""
    world = await World.open(session, accounts())
    writer = Writer(world)
    await world.post(session, _funds(world))
    for step in script:
        match step:
            case CallAgain(back):
                for call in writer.calls[-back:][:1]:
                    await world.post(session, call)
            case Change(account, state):
                await world.change_state(session, world.account(account), state)
            case Later(seconds, account):
                await world.advance(session, seconds, *[world.account(n) for n in [account] if n])
            case _:
                await world.post(session, writer.call(step))
    return world


def _funds(world: World) -> list[Sent]:
    """Some money in the accounts that may not go negative."""
    return [
        Sent(
            transaction_id=world.id(1000 + n),
            debit_account=world.account(1),
            credit_account=world.account(n),
            amount_minor=60,
            currency="USD",
        )
        for n in (2, 3, 4)
    ]
