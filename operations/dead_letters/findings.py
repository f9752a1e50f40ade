"""What lies in a queue of dead letters, by reason."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from operations.dead_letters.hold import Hold
from operations.dead_letters.letter import Letter, described
from operations.dead_letters.queue import Queue
from operations.dead_letters.selection import Selection

EXAMPLES_MAX: Final = 3  # of each reason
# Whoever may send to the queue of dead letters can write any reason.
REASONS_MAX: Final = 50
OTHER_REASONS: Final = "(other reasons)"


@dataclass(kw_only=True)
class Group:
    """The letters with one reason. Its size does not depend on their number."""

    oldest: datetime
    newest: datetime
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, letter: Letter) -> None:
        self.count += 1
        self.oldest = min(self.oldest, letter.sent_at)
        self.newest = max(self.newest, letter.sent_at)
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(described(letter))


@dataclass(frozen=True, kw_only=True)
class Findings:
    groups: Mapping[str, Group]  # by reason, the largest first
    selected: Mapping[str, str]  # by message id: the reason
    hidden: int  # about how many could not be looked at, because somebody holds them
    is_complete: bool

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups.values())


def look(
    queue: Queue,
    selection: Selection,
    *,
    tell: Callable[[Letter], None] = lambda _: None,
    letters_max: int | None = None,
) -> Findings:
    """Read the letters of `queue` without changing them, and `tell` of each selected one.

    `letters_max`: about how many at most; else all.
    """
    groups: dict[str, Group] = {}
    selected: dict[str, str] = {}
    hidden = queue.hidden()
    with Hold(queue, held_max=letters_max) as hold:
        for letters in hold:
            for letter in letters:
                _group_of(letter, groups).add(letter)
                if selection.takes(letter):
                    selected[letter.message_id] = sys.intern(letter.reason)
                    tell(letter)
    largest_first = sorted(groups.items(), key=lambda item: (-item[1].count, item[0]))
    return Findings(
        groups=dict(largest_first), selected=selected, hidden=hidden, is_complete=hold.is_complete
    )


def _group_of(letter: Letter, groups: dict[str, Group]) -> Group:
    is_known = letter.reason in groups or len(groups) < REASONS_MAX
    name = letter.reason if is_known else OTHER_REASONS
    return groups.setdefault(name, Group(oldest=letter.sent_at, newest=letter.sent_at))
