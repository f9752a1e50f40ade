"""Random uses of a ledger: calls with transactions of every kind, and what happens between calls.

Numbers are small, so that ids meet again, money runs out, accounts do not exist and time runs out.
"""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.app_service.posting.model.documents import LIMIT, OPERATOR, Sent
from tests.app_service.posting.model.ledger import ModelAccount
from tests.app_service.posting.model.world import World

_MORE = "LEDGER_EXAMPLES"
SCRIPTS = 150  # in `make test`
NO_ACCOUNT = 7


def examples(number: int) -> settings:
    """The same examples in every run.

    LEDGER_EXAMPLES=5000 tries so many scripts, as much more of the rest, and other ones each time.
    """
    more = os.environ.get(_MORE)
    return settings(
        max_examples=max(1, number * int(more) // SCRIPTS) if more else number,
        derandomize=more is None,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
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

    id: int | None  # None: one that was not used yet
    kind: str
    debit: int
    credit: int  # so many after the debit account
    amount: int | None
    currency: str | None  # None: that of the debit account
    target: int  # so many targets ago
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


@dataclass(frozen=True)
class EndOfCall:
    """What was said since the last one is sent."""

    as_before: bool = False  # by a task of the version before, which knows only plain transfers


OF_ANY_KIND, UNKNOWN = 4, 5  # targets
Step = New | Again | CallAgain | Change | Later | EndOfCall
# A step is drawn from its own seed: Hypothesis alone prefers few values and finds few captures.
SCRIPT = st.lists(st.integers(0, 2**32 - 1), min_size=8, max_size=60)


def step_of(seed: int) -> Step:
    dice = random.Random(seed)
    which = dice.random()
    if which < 0.6:
        return _new(dice)
    if which < 0.66:
        return Again(dice.randint(1, 8), dice.choice(_CHANGES))
    if which < 0.7:
        return CallAgain(dice.randint(1, 4))
    if which < 0.75:
        return Change(
            dice.choice([1, 2, 3, 4, 5, 5]),
            dice.choice(["frozen", "frozen", "open", "open", "closed"]),
        )
    if which < 0.81:
        return Later(dice.choice([1, 9, 10, 200]), dice.choice([None, None, dice.randint(1, 6)]))
    return EndOfCall(as_before=which > 0.98)


def _new(dice: random.Random) -> New:
    return New(
        id=dice.choice([None] * 20 + [0, 1, 2]),
        kind=dice.choice(
            ["transfer"] * 5
            + ["hold"] * 4
            + ["capture"] * 4
            + ["void", "reversal", "reversal", "expiry"] * 2
        ),
        debit=dice.choice([1] * 10 + [2] * 6 + [3] * 4 + [4, 5, 5, 5, 6, NO_ACCOUNT]),
        credit=dice.choice([1] * 6 + [2] * 6 + [3, 3, 4, 4, 5, 6]),
        amount=dice.choice(
            [1, 5, 10, 10, 20, 30, 30, 60, None, None, None] * 2 + [LIMIT - 30, LIMIT, 0]
        ),
        currency=dice.choice([None] * 30 + ["EUR"]),
        target=dice.choice([0] * 8 + [1, 1, 1, 2, 2, 3, OF_ANY_KIND, UNKNOWN]),
        seconds=dice.choice([1, 10, 100, 100]),
        linked=dice.random() < 0.15,
        client=dice.choice([OPERATOR] * 10 + ["ann", "bob"]),
        reference=dice.choice([None, None, "order 7"]),
        metadata=dice.choice([None, None, '{"leg": 1, "of": [true, null]}', "{}"]),
    )


_CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"client_id": "ann", "user_id": "another", "path": "queue"},
    {"reference": "other"},
    {"metadata": '{"of": [true, null], "leg": 1}'},
    {"amount_minor": 5},
    {"linked": True},
    {"linked": False},
)


@dataclass
class Writer:
    """Turns what was drawn into documents of a world. Remembers them: targets and repetitions."""

    world: World
    said: list[Sent] = field(default_factory=list)
    unsent: list[Sent] = field(default_factory=list)
    calls: list[list[Sent]] = field(default_factory=list)
    used: int = 0

    def say(self, item: New | Again) -> None:
        if isinstance(item, Again):
            again = [
                replace(sent, **item.change)
                for sent in self.said[-item.back :][:1]
                if self._can_be_sent(sent, item.change)
            ]
        else:
            again = [self._new(item)]
        self.said += again
        self.unsent += again

    def _can_be_sent(self, sent: Sent, change: dict[str, Any]) -> bool:
        """What no parser lets through, and what the ledger itself does not do, is not tried."""
        if sent.kind == "expiry" and (
            "linked" in change or (self.unsent and self.unsent[-1].linked)
        ):
            return False
        return "amount_minor" not in change or sent.kind not in ("void", "reversal", "expiry")

    def call(self) -> list[Sent]:
        """What was said since the last call."""
        call, self.unsent = self.unsent, []
        # Mostly with an end of its last chain.
        if call and call[-1].linked and len(self.calls) % 5:
            call[-1] = replace(call[-1], linked=False)
        self.calls.append(call)
        return call

    def _new(self, new: New) -> Sent:
        world, kind = self.world, new.kind
        if kind not in ("transfer", "hold"):
            target = self._target(new)
            if target is None:
                kind = "hold"
            elif kind == "expiry" and self.said and self.said[-1].linked:
                kind = "void"  # the ledger's own work is not in chains
        if new.id is None:
            self.used += 1
        common = Sent(
            transaction_id=world.id(new.id if new.id is not None else 100 + self.used),
            kind=kind,
            linked=new.linked and kind != "expiry",
            client_id=new.client,
            reference=new.reference,
            metadata=new.metadata,
            path="ledger" if kind == "expiry" else "api",
        )
        if kind in ("transfer", "hold"):
            debit = world.account(new.debit)
            account = world.model.accounts.get(debit)
            return replace(
                common,
                debit_account=debit,
                credit_account=world.account((new.debit + new.credit - 1) % NO_ACCOUNT + 1),
                amount_minor=15 if new.amount is None else new.amount,
                currency=new.currency or (account.currency if account else "USD"),
                expires_in_seconds=new.seconds if kind == "hold" else None,
            )
        return replace(
            common, target_id=target, amount_minor=new.amount if kind == "capture" else None
        )

    def _target(self, new: New) -> UUID | None:
        if new.target == UNKNOWN:
            return self.world.id(99)
        likely = ("transfer", "capture") if new.kind == "reversal" else ("hold",)
        if new.target == OF_ANY_KIND:
            said = self.said[-1:]
        else:
            said = [sent for sent in self.said if sent.kind in likely]
            hopeful = [sent for sent in said if self._is_hopeful(sent)]
            said = (hopeful if len(hopeful) > new.target else said)[-1 - new.target :][:1]
        return said[0].transaction_id if said else None

    def _is_hopeful(self, sent: Sent) -> bool:
        """A target that was posted, or may be with this call."""
        model, key = self.world.model, sent.transaction_id
        if sent.kind == "hold":
            return key not in model.recorded or (
                key in model.holds and model.holds[key].state == "pending"
            )
        return key not in model.recorded or model.recorded[key].reason is None


async def play(session: Any, script: Sequence[int]) -> World:
    """Both ledgers do what the script says and agree at every step."""
    world = await World.open(session, accounts())
    writer = Writer(world)
    await world.post(session, funds(world))
    for step in [*map(step_of, script), EndOfCall()]:
        match step:
            case New() | Again():
                writer.say(step)
            case EndOfCall(as_before=True):
                plain = [_plain(sent) for sent in writer.call() if sent.kind == "transfer"]
                await world.post_as_before(session, plain)
            case EndOfCall():
                await world.post(session, writer.call())
            case CallAgain(back):
                for call in writer.calls[-back:][:1]:
                    await world.post(session, call)
            case Change(account, state):
                await world.change_state(session, world.account(account), state)
            case Later(seconds, one):
                await world.advance(session, seconds, *[world.account(n) for n in [one] if n])
    return world


def _plain(sent: Sent) -> Sent:
    return replace(sent, linked=False, reference=None, metadata=None)


def funds(world: World) -> list[Sent]:
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
