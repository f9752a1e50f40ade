"""`make resend [SUFFIX=...]`: sends the batches again that the audit queue has refused too often.

They are set aside and tried once an hour. The schema migrator, the only function that is the
database's administrator, makes them due at once; the relays of the service send them.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.schema_migrator.settings import RETRIED, RETRY_BATCHES
from operations.account import NoSuffix, open_session, required
from operations.function_call import PATIENCE, CallFailed, call

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def resend(lambda_: "LambdaClient", *, suffix: str) -> int:
    """The number of batches that were set aside and are due now. Raises CallFailed."""
    function = f"schema-migrator-{required(suffix)}"
    answer = call(lambda_, function=function, event=RETRY_BATCHES, expected=RETRIED)
    return int(answer[RETRIED])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make resend", description=__doc__)
    parser.add_argument("--suffix", default="")
    chosen = parser.parse_args(arguments)
    try:
        lambda_ = open_session().client("lambda", config=PATIENCE)
        found = resend(lambda_, suffix=chosen.suffix)
    except CallFailed as error:
        print(f"error: nothing was changed: {error}", file=sys.stderr)
        return 1
    except (NoSuffix, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"{found} set aside: the relays send them within seconds; refused ones are set aside again"
        if found
        else "no batch is set aside"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
