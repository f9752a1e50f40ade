"""`make redrive [SUFFIX=...] [QUEUE=transaction|audit] [REASON=...] [ID=...]`: sends letters back.

First it shows what it would send, and changes nothing. If the answer is yes, it sends exactly these
letters to their source queue and deletes each after it was sent. It can be interrupted at any time
and run again.

SQS can move messages by itself (StartMessageMoveTask), but only those that it moved to the
dead-letter queue itself. Our functions send letters there with a reason: SQS does not know their
source queue.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.queue_names import TRANSACTIONS
from operations.account import NoSuffix, open_session, required
from operations.dead_letters.errors import NEEDED, DeadLettersError
from operations.dead_letters.findings import Findings, look
from operations.dead_letters.letter import Letter, described
from operations.dead_letters.queue import Queue, names_of, open_queue
from operations.dead_letters.report import counted, show, warnings
from operations.dead_letters.selection import Selection
from operations.dead_letters.sending import Sending

LISTED_MAX: Final = 20  # letters, unless all are asked for


def redrive(*, suffix: str, kind: str, selection: Selection, lists_all: bool, answer: str) -> int:
    """Raises DeadLettersError and NoSuffix."""
    names = names_of(kind)
    queue = open_queue(open_session().client("sqs"), suffix=required(suffix), names=names)
    found = look(queue, selection, tell=_lister(None if lists_all else LISTED_MAX))
    show(found, queue)
    if selection.is_limited and not found.selected:
        raise DeadLettersError(f"{selection}: no letter in {queue.name} has it")
    if not found.selected:
        return 0
    print(f"to send to {queue.source_name}: {_described(found)}")
    for line in warnings(found.selected.values()):
        print(line)
    return _send(queue, found) if is_agreed(answer) else 0


def is_agreed(answer: str) -> bool:
    if not answer and sys.stdin.isatty():
        answer = input("send them back? yes or no: ").strip()
    if answer not in ("yes", "no", ""):
        raise DeadLettersError(f"ANSWER={answer!r}: must be yes or no")
    if answer != "yes":
        print("nothing was changed; ANSWER=yes sends them back")
    return answer == "yes"


def _lister(count_max: int | None) -> Callable[[Letter], None]:
    """Prints a line for each of the first letters, while they are read."""
    listed = 0

    def list_one(letter: Letter) -> None:
        nonlocal listed
        listed += 1
        if count_max is None or listed <= count_max:
            print(f"selected: {described(letter)}")
        elif listed == count_max + 1:
            print("selected: ... (LIST=yes lists all)")

    return list_one


def _described(found: Findings) -> str:
    total = counted(len(found.selected))
    return total if found.is_complete else f"{total} (of those that were seen)"


def _send(queue: Queue, found: Findings) -> int:
    sending = Sending(queue, message_ids=found.selected)
    try:
        sending.run()
    except KeyboardInterrupt:
        print("\ninterrupted; nothing is lost: run this again to go on")
        return 130
    finally:
        print(f"sent {sending.sent} of {len(found.selected)} to {queue.source_name}")
    if sending.undeleted:
        print(
            f"{len(sending.undeleted)} of them are still in {queue.name} "
            f"({sending.undeleted[0]}); it is safe to send them again"
        )
    if sending.refusals:
        print(f"SQS refused to take some: {', '.join(sorted(set(sending.refusals)))}")
    if sending.remaining:
        print("the others were not found or not sent: another program may hold or have taken them")
    if sending.undeleted or sending.remaining:
        print("run this again")
        return 1
    print("a letter that fails again comes back: look with `make dead-letters` in a minute")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make redrive", description=__doc__)
    parser.add_argument("--suffix", default="")
    parser.add_argument("--queue", default="", help="transaction (the default) or audit")
    parser.add_argument("--reason", default="", help="only letters with this reason")
    parser.add_argument("--id", default="", help="only letters of this message, transaction, batch")
    parser.add_argument("--list", action="store_true", help="list every letter that it would send")
    parser.add_argument("--answer", default="", help="yes or no; without it, asked")
    chosen = parser.parse_args(arguments)
    try:
        return redrive(
            suffix=chosen.suffix,
            kind=chosen.queue or TRANSACTIONS.kind,
            selection=Selection.parse(reason=chosen.reason, wanted=chosen.id),
            lists_all=chosen.list,
            answer=chosen.answer,
        )
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was changed")
        return 130
    except (NoSuffix, DeadLettersError) as error:
        print(f"error: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(
            f"error: {error}; {NEEDED}. Letters that were not sent are where they were",
            file=sys.stderr,
        )
    return 1


if __name__ == "__main__":
    sys.exit(main())
