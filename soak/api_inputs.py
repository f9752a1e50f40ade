"""What is sent to the API: the n-th series of calls is a function of the seed and n."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from soak.inputs import PEOPLE, POOR, follow_up, messages_of, transfer

_REFUSAL_OF_POOR = "insufficient_funds"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that is sent until it has a definite answer, and the verdicts that it may get."""

    path: str
    document: Any = field(repr=False)
    transactions: Sequence[Mapping[str, Any]] = ()  # in the order of the verdicts
    allowed_verdicts: frozenset[str]  # of a request without transactions the problem's code


_DONE = frozenset({"posted", "replayed"})


def calls_of(seed: int, number: int) -> list[Call]:
    """Calls of which each is sent when the one before has its answer."""
    dice = Random(f"{seed} call {number}")
    [make] = dice.choices(
        [_single, _batch, _hold, _refused, _malformed, _also_in_the_queue], [40, 10, 15, 10, 5, 10]
    )
    return make(dice, seed)


def _one(transaction: Mapping[str, Any], allowed: frozenset[str] = _DONE) -> Call:
    return Call(
        path="/transactions",
        document=transaction,
        transactions=[transaction],
        allowed_verdicts=allowed,
    )


def _single(dice: Random, _seed: int) -> list[Call]:
    return [_one(transfer(dice))] * dice.choice((1, 1, 2))


def _batch(dice: Random, _seed: int) -> list[Call]:
    """Chains too: of the poor account the whole chain is refused."""
    wanted = [transfer(dice) for _ in range(dice.randint(2, 60))]
    wanted[0]["linked"] = True
    if dice.random() < 0.5:
        wanted[1]["debit_account"] = POOR
    allowed = _DONE | {_REFUSAL_OF_POOR, "linked_refused"}
    document = {"transactions": wanted}
    return [
        Call(
            path="/transactions/batch",
            document=document,
            transactions=wanted,
            allowed_verdicts=allowed,
        )
    ]


def _hold(dice: Random, _seed: int) -> list[Call]:
    hold = transfer(dice, kind="hold")
    closing = follow_up(dice, dice.choice(("capture", "void")), hold)
    calls = [_one(hold), _one(closing)]
    if closing["kind"] == "capture":
        back = follow_up(dice, "reversal", closing)
        calls.append(_one(back, _DONE | {"insufficient_funds"}))
    return calls


def _refused(dice: Random, _seed: int) -> list[Call]:
    one = transfer(dice, debit_account=POOR, credit_account=dice.choice(PEOPLE))
    return [_one(one, frozenset({_REFUSAL_OF_POOR}))]


def _malformed(dice: Random, _seed: int) -> list[Call]:
    one = transfer(dice, amount_minor=0)
    text = b'{"transaction_id": ' if dice.random() < 0.5 else b"{" + b" " * 1_500_000 + b"}"
    allowed = frozenset({"invalid_json", "body_too_large"})
    return [
        Call(path="/transactions", document=one, allowed_verdicts=frozenset({"invalid"})),
        Call(path="/transactions", document=text, allowed_verdicts=allowed),
    ]


def _also_in_the_queue(dice: Random, seed: int) -> list[Call]:
    """The same id and contents on both ways have one result."""
    for _ in range(20):
        first = messages_of(seed, dice.randint(0, 3000))[0]
        if first.kind == "valid" and first.transaction is not None:
            return [_one(first.transaction)]
    return _single(dice, seed)
