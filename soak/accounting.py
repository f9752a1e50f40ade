"""What became of every message and of every acknowledged posting."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from soak.dead_letters import DeadLetter
from soak.ledger_contents import Recorded
from soak.message import POSTED, Message
from soak.outside_log import Acknowledged
from soak.problems import Problem

_DONE = frozenset({"posted", "replayed"})
_NOT_RECORDED = frozenset({"conflict", "invalid", "forbidden"})


@dataclass(frozen=True, kw_only=True)
class Account:
    """Each message with each of its outcomes, and what is wrong with them."""

    outcomes: Sequence[tuple[Message, str]]
    problems: Sequence[Problem]

    def counts(self) -> Counter[tuple[str, str]]:
        """By kind of message and kind of outcome."""
        return Counter(
            (message.kind, outcome.partition(": ")[0]) for message, outcome in self.outcomes
        )


def account_for(
    messages: Iterable[Message],
    *,
    recorded: Mapping[str, Recorded],
    dead: Iterable[DeadLetter],
) -> Account:
    by_body: dict[str, list[DeadLetter]] = defaultdict(list)
    for dead_letter in dead:
        by_body[dead_letter.body].append(dead_letter)
    outcomes = []
    problems = []
    for message in messages:
        dead_letters = by_body.pop(message.body, [])
        found = _outcomes_of(message, recorded, dead_letters)
        outcomes += [(message, outcome) for outcome in found]
        problems += [
            Problem(what=what, subject=f"{message.kind}, {_name(message)}")
            for what in _faults_of(message, found, dead_letters)
        ]
    problems += [
        Problem(what="a dead letter has a body that no sender sent", subject=ascii(body[:80]))
        for body in by_body
    ]
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
    message: Message, recorded: Mapping[str, Recorded], dead_letters: Sequence[DeadLetter]
) -> list[str]:
    found = sorted({f"dead: {each.reason}" for each in dead_letters})
    if message.transaction is not None:
        row = recorded.get(message.transaction["transaction_id"])
        if row is not None and row.holds(message.transaction):
            found.insert(0, row.outcome)
    return found


def _faults_of(
    message: Message, outcomes: Sequence[str], dead_letters: Sequence[DeadLetter]
) -> Iterator[str]:
    if not outcomes:
        yield "a message is lost: neither in the ledger nor a dead letter"
    if len(outcomes) > 1:
        yield f"a message has more than one outcome: {', '.join(outcomes)}"
    for outcome in outcomes:
        if not outcome.startswith(message.allowed_outcomes):
            allowed = " or ".join(message.allowed_outcomes)
            yield f"a message has a wrong outcome: {outcome[:80]}, not {allowed}"
    if message.has_room and any(
        each.correlation_id != message.correlation_id for each in dead_letters
    ):
        yield "a dead letter has lost the attribute of its sender"


def _name(message: Message) -> str:
    if message.transaction is not None:
        return str(message.transaction["transaction_id"])
    return ascii(message.body[:60])
