"""Why letters lie among an environment's dead letters.

Read only when a person asks: SQS shows a letter by handing it out, which hides it for a moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from operations.dead_letters.errors import DeadLettersError
from operations.dead_letters.findings import Group, look
from operations.dead_letters.queue import QUEUES, names_of, open_queue
from operations.dead_letters.reasons import FAILS_AGAIN
from operations.dead_letters.selection import Selection
from page.account import Account
from page.cards import NotThere, Subject

# A person asks, and asks again after a redrive: not older than this.
_KEPT_SECONDS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Reason:
    name: str
    letters: Group
    advice: str  # empty: they can succeed


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    queue: str
    reasons: Sequence[Reason]
    hidden: int  # somebody else holds about as many
    is_complete: bool


def dead_letters(account: Account, subject: Subject) -> list[DeadLetters]:
    """Of each queue. Raises NotThere if there is no such environment."""
    suffix = subject["suffix"]
    return account.remember(
        ("dead letters", suffix),
        lambda: [_of_kind(account, suffix, kind) for kind in QUEUES],
        seconds=_KEPT_SECONDS,
    )


def _of_kind(account: Account, suffix: str, kind: str) -> DeadLetters:
    try:
        queue = open_queue(account.sqs, suffix=suffix, names=names_of(kind))
    except DeadLettersError as error:
        raise NotThere(str(error)) from None
    found = look(queue, Selection())
    return DeadLetters(
        queue=queue.name,
        reasons=[
            Reason(name=name, letters=group, advice=FAILS_AGAIN.get(name, ""))
            for name, group in found.groups.items()
        ],
        hidden=found.hidden,
        is_complete=found.is_complete,
    )
