"""What became of every message and of every acknowledged posting."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from soak.inputs import POSTED, Message
from soak.ledger_contents import Recorded
from soak.outside_log import Acknowledged

_DONE = frozenset({"posted", "replayed"})
_NOT_RECORDED = frozenset({"conflict", "invalid", "forbidden"})


@dataclass(frozen=True, kw_only=True)
class Account:
    """The outcomes by kind of message, and each message or posting without a right one."""

    outcomes: Counter[tuple[str, str]]
    problems: Sequence[str]


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
        named = f"a message ({message.kind}, {_name(message)})"
        if not found:
            problems.append(f"{named} is lost: neither in the ledger nor a dead letter")
        for outcome in found:
            outcomes[message.kind, outcome.partition(": ")[0]] += 1
            if not outcome.startswith(message.may):
                problems.append(f"{named} is {outcome[:120]}, which must be {_either(message.may)}")
        if len(found) > 1:
            problems.append(f"{named} has more than one outcome: {', '.join(found)}")
    return Account(outcomes=outcomes, problems=problems)


def broken_promises(
    answers: Iterable[Acknowledged], *, recorded: Mapping[str, Recorded]
) -> list[str]:
    """What the API has answered and the ledger does not hold."""
    problems = []
    for answer in answers:
        name = answer.transaction["transaction_id"]
        found = recorded.get(name)
        promised = POSTED if answer.status in _DONE else f"refused: {answer.status}"
        if answer.status in _NOT_RECORDED:
            continue
        if found is None:
            problems.append(f"transaction {name}: the API answered {answer.status}, and it is lost")
        elif found.outcome != promised:
            problems.append(f"transaction {name}: answered {answer.status}, is {found.outcome}")
        elif not found.holds(answer.transaction):
            problems.append(f"transaction {name}: recorded with other contents than acknowledged")
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
