"""The way of one transaction through an environment, as `make trace` shows it.

Read only when a person asks: it calls a function, and may look into the dead letters. A
second click waits for the answer of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from operations.dead_letters.errors import DeadLettersError
from operations.function_call import PATIENCE, CallFailed
from operations.trace.conclusion import Conclusion, conclude
from operations.trace.evidence import Clients, gather
from operations.trace.steps import Step, steps_of
from operations.trace.subject import BadSubject, Subject
from page.account import Account
from page.cards import NotThere
from page.cards import Subject as Asked
from page.readers.stacks import environment_stack


@dataclass(frozen=True, kw_only=True)
class Trace:
    transaction_id: str
    suffix: str
    steps: Sequence[Step]
    conclusion: Conclusion
    not_read: Sequence[str]


def trace(account: Account, asked: Asked) -> Trace:
    """Raises NotThere if there is no such environment, or if the id is none."""
    suffix = environment_stack(account, asked["suffix"]).suffix
    try:
        subject = Subject.parse(transaction=asked["transaction"])
    except BadSubject as error:
        raise NotThere(str(error)) from None
    return account.remember(
        ("trace", suffix, subject.transaction_id), lambda: _followed(account, suffix, subject)
    )


def _followed(account: Account, suffix: str, subject: Subject) -> Trace:
    clients = Clients(
        # The function may take longer than a card: one that still runs must not be called again.
        lambda_=account.client("lambda", config=PATIENCE),
        logs=account.logs,
        sqs=account.sqs,
    )
    try:
        evidence = gather(clients, suffix=suffix, subject=subject)
    except (CallFailed, DeadLettersError) as error:
        raise NotThere(str(error)) from None
    return Trace(
        transaction_id=str(subject.transaction_id),
        suffix=suffix,
        steps=steps_of(evidence),
        conclusion=conclude(evidence),
        not_read=evidence.not_read,
    )
