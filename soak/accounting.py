"""What became of every message and of every acknowledged posting."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from soak.inputs import POSTED, Message
from soak.ledger_contents import Recorded
from soak.outside_log import Acknowledged
from soak.problems import Problem

_DONE = frozenset({"posted", "replayed"})
_NOT_RECORDED = frozenset({"conflict", "invalid", "forbidden"})


@dataclass(frozen=True, kw_only=True)
class Account:
    """The outcomes by kind of message, and each message or posting without a right one."""

    outcomes: Counter[tuple[str, str]]
    problems: Sequence[Problem]


def account_for(
    messages: Iterable[Message],
    *,
    recorded: Mapping[str, Recorded],
    dead: Mapping[str, Sequence[str]],
) -> Account:
    outcomes: Counter[tuple[str, str]] = Counter()
    problems = []
    for message in messages:
        found = _outcomes_of(message, recorded, dead)
        subject = f"{message.kind}, {_name(message)}"
        if not found:
            what = "a message is lost: neither in the ledger nor a dead letter"
            problems.append(Problem(what=what, subject=subject))
        for outcome in found:
            outcomes[message.kind, outcome.partition(": ")[0]] += 1
            if not outcome.startswith(message.may):
                what = f"a message has a wrong outcome: {outcome[:80]}, not {_either(message.may)}"
                problems.append(Problem(what=what, subject=subject))
        if len(found) > 1:
            what = f"a message has more than one outcome: {', '.join(found)}"
            problems.append(Problem(what=what, subject=subject))
    return Account(outcomes=outcomes, problems=problems)


def broken_promises(
    answers: Iterable[Acknowledged], *, recorded: Mapping[str, Recorded]
) -> list[Problem]:
    """What the API has answered and the ledger does not hold."""
    problems = []
    for answer in answers:
        name = answer.transaction["transaction_id"]
        found = recorded.get(name)
        promised = POSTED if answer.status in _DONE else f"refused: {answer.status}"
        if answer.status in _NOT_RECORDED:
            continue
        if found is None:
            what = f"the API answered {answer.status}, and the ledger has no such transaction"
        elif found.outcome != promised:
            what = f"the API answered {answer.status}, and the ledger has: {found.outcome}"
        elif not found.holds(answer.transaction):
            what = f"the API answered {answer.status}, and the ledger has other contents"
        else:
            continue
        problems.append(Problem(what=what, subject=f"transaction {name}"))
    return problems


def _outcomes_of(
    message: Message, recorded: Mapping[str, Recorded], dead: Mapping[str, Sequence[str]]
) -> list[str]:
    found = [f"dead: {reason}" for reason in sorted({*dead.get(message.body, ())})]
    if message.transaction is not None:
        row = recorded.get(message.transaction["transaction_id"])
        if row is not None and row.holds(message.transaction):
            found.insert(0, row.outcome)
    return found


def _name(message: Message) -> str:
    if message.transaction is not None:
        return str(message.transaction["transaction_id"])
    return ascii(message.body[:60])


def _either(may: Sequence[str]) -> str:
    return " or ".join(may)
