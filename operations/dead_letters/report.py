"""The findings as text."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from infra.queues import RETENTION
from operations.dead_letters.findings import Findings
from operations.dead_letters.hold import HIDDEN_SECONDS
from operations.dead_letters.queue import Queue
from operations.dead_letters.reasons import FAILS_AGAIN


def show(found: Findings, queue: Queue) -> None:
    for line in _lines(found, queue, now=datetime.now(UTC)):
        print(line)


def _lines(found: Findings, queue: Queue, *, now: datetime) -> Iterator[str]:
    yield f"{counted(found.count)} in {queue.name}"
    for reason, group in found.groups.items():
        oldest, newest = age(group.oldest, now=now), age(group.newest, now=now)
        yield f"  {group.count:>6}  {reason:<20}  oldest {oldest}, newest {newest}"
        for example in group.examples:
            yield f"          {example}"
        if group.count > len(group.examples):
            yield f"          and {group.count - len(group.examples)} more"
    if found.count:
        yield f"  SQS deletes a letter at the age of {RETENTION.to_days()} d"
    if not found.is_complete:
        yield "  There may be more: SQS does not show more at a time"
    if found.hidden:
        yield (
            f"  SQS counts about {found.hidden} as hidden (up to a minute late): another program "
            f"reads this queue, or one was killed less than {HIDDEN_SECONDS // 60} minutes ago"
        )


def warnings(reasons: Iterable[str]) -> Iterator[str]:
    """One line for each reason whose letters will not succeed."""
    for reason, count in Counter(reasons).items():
        if reason in FAILS_AGAIN:
            yield f"warning: {count} with {reason}: {FAILS_AGAIN[reason]}"


def counted(letters: int) -> str:
    return f"{letters} dead letter" + ("" if letters == 1 else "s")


def age(moment: datetime, *, now: datetime) -> str:
    """Its two largest units, such as `3 d 4 h`."""
    seconds = int(max(now - moment, timedelta(0)).total_seconds())
    sizes = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    for (unit, size), (smaller, part) in pairwise(sizes):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // part} {smaller}"
    return f"{seconds} s"
