"""`make dead-letters [SUFFIX=...] [QUEUE=transaction|audit]`: what lies among the dead letters.

For both queues: how many letters, why, since when, and the ids of a few. Nothing is changed: each
letter is hidden while this reads, and visible again afterwards.
"""

import argparse
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from operations.account import NoSuffix, open_session, required
from operations.dead_letters.errors import NEEDED, DeadLettersError
from operations.dead_letters.findings import look
from operations.dead_letters.queue import QUEUES, names_of, open_queue
from operations.dead_letters.report import show
from operations.dead_letters.selection import Selection


def show_letters(*, suffix: str, kinds: Sequence[str]) -> None:
    """Raises DeadLettersError and NoSuffix."""
    chosen = [names_of(kind) for kind in kinds]
    sqs = open_session().client("sqs")
    for queue in [open_queue(sqs, suffix=required(suffix), names=names) for names in chosen]:
        show(look(queue, Selection()), queue)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make dead-letters", description=__doc__)
    parser.add_argument("--suffix", default="")
    parser.add_argument("--queue", default="", help="transaction or audit; without it, both")
    chosen = parser.parse_args(arguments)
    try:
        show_letters(suffix=chosen.suffix, kinds=[chosen.queue] if chosen.queue else [*QUEUES])
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was changed")
        return 130
    except (NoSuffix, DeadLettersError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: {error}; {NEEDED}. Nothing was changed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
