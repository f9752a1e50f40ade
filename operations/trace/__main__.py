"""`make trace TRANSACTION=<id> [SUFFIX=...] [FROM=...] [TO=...]`: the way of one transaction.

From its request or message to its audit object, with times and log lines, and where it has stopped.
Nothing is changed; dead letters that are looked at are hidden for a moment.
"""

import argparse
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from operations.account import NoSuffix, open_session, required
from operations.dead_letters.errors import DeadLettersError
from operations.function_call import PATIENCE, CallFailed
from operations.trace.conclusion import conclude
from operations.trace.evidence import Clients, gather
from operations.trace.show import show
from operations.trace.subject import BadSubject, Subject


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if it has a result that stays, and is in the audit trail if it is posted; else 1."""
    parser = argparse.ArgumentParser(prog="make trace", description=__doc__)
    parser.add_argument("--suffix", default="")
    parser.add_argument("--transaction", default="", help="its id")
    parser.add_argument("--from", dest="start", default="", help="of log lines; default: by its id")
    parser.add_argument("--to", dest="end", default="")
    chosen = parser.parse_args(arguments)
    try:
        subject = Subject.parse(transaction=chosen.transaction, start=chosen.start, end=chosen.end)
        account = open_session()
        clients = Clients(
            lambda_=account.client("lambda", config=PATIENCE),
            logs=account.client("logs"),
            sqs=account.client("sqs"),
        )
        evidence = gather(clients, suffix=required(chosen.suffix), subject=subject)
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was changed", file=sys.stderr)
        return 130
    except (BadSubject, NoSuffix, CallFailed, DeadLettersError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: {error}; docs/trace.md says which rights this needs", file=sys.stderr)
        return 1
    show(evidence)
    return 0 if conclude(evidence).is_done else 1


if __name__ == "__main__":
    sys.exit(main())
