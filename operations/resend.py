"""`make resend [SUFFIX=...]`: sends the batches again that the audit queue has refused too often.

They are set aside and tried once an hour. The schema migrator, the only function that is the
database's administrator, makes them due at once; the relays of the service send them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.migrator import TIMEOUT_SECONDS
from lambda_src.schema_migrator.settings import RETRIED, RETRY_BATCHES
from operations.account import NoSuffix, open_session, required

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# Longer than the function may run: it waits for a database that does not answer.
_PATIENCE: Final = Config(read_timeout=TIMEOUT_SECONDS + 10, retries={"total_max_attempts": 1})


class CannotResend(Exception):
    """The function failed; the message says what to do."""


def resend(lambda_: "LambdaClient", *, suffix: str) -> int:
    """The number of batches that were set aside and are due now. Raises CannotResend."""
    function = f"schema-migrator-{required(suffix)}"
    answer = lambda_.invoke(FunctionName=function, Payload=json.dumps(RETRY_BATCHES))
    content = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or RETRIED not in content:
        raise CannotResend(
            f"nothing was changed: {content.get('errorMessage', content)}. "
            f"The whole error is in the log group /aws/lambda/{function}"
        )
    return int(content[RETRIED])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make resend", description=__doc__)
    parser.add_argument("--suffix", default="")
    chosen = parser.parse_args(arguments)
    try:
        lambda_ = open_session().client("lambda", config=_PATIENCE)
        found = resend(lambda_, suffix=chosen.suffix)
    except (NoSuffix, CannotResend, BotoCoreError, ClientError) as error:
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
