"""One warm Lambda worker: it runs the processor's real handler, and beside it the loop of a sample.

    python -m bench.ledger.processor_program <number of accounts>

Its environment is that of the function. It reads tasks from stdin, one JSON object per line
(`{"side": "ours" | "loop", "batch": n, "batches": n}`), runs that many invocations, and prints
what it took. Every invocation begins with the event as Lambda's runtime gets it, as JSON text.
"""

import json
import os
import random
import sys
import time
from types import SimpleNamespace
from typing import Any, Final

import boto3

from app_service.logs import configure_logging
from bench.ledger.uuid7 import uuid7
from lambda_src.transaction_processor import entrypoint

_CONTEXT: Final = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)


def event_of(size: int, *, accounts: int) -> str:
    """An event of SQS with `size` transfers between random accounts."""
    return json.dumps({"Records": [_record(accounts) for _ in range(size)]})


def _record(accounts: int) -> dict[str, Any]:
    debit, credit = random.sample(range(1, accounts + 1), 2)
    body = {
        "type": "transaction.submitted",
        "version": 1,
        "transaction": {
            "transaction_id": str(uuid7()),
            "debit_account": debit,
            "credit_account": credit,
            "amount_minor": 1,
            "currency": "USD",
        },
    }
    return {
        "messageId": str(uuid7()),
        "receiptHandle": "A" * 200,
        "body": json.dumps(body),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(int(time.time() * 1000)),
            "SenderId": "AIDABENCH",
            "ApproximateFirstReceiveTimestamp": str(int(time.time() * 1000)),
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111111111111:transaction-queue-bench",
        "awsRegion": "us-east-1",
    }


class SampleHandler:
    """What samples do for each message: one item in DynamoDB, one object in S3."""

    def __init__(self) -> None:
        self._dynamodb = boto3.client("dynamodb")
        self._s3 = boto3.client("s3")

    def __call__(self, event: dict[str, Any], _context: object) -> dict[str, Any]:
        for record in event["Records"]:
            transaction = json.loads(record["body"])["transaction"]
            key = transaction["transaction_id"]
            self._dynamodb.put_item(
                TableName="transactions",
                Item={
                    "transaction_id": {"S": key},
                    "debit_account": {"N": str(transaction["debit_account"])},
                    "credit_account": {"N": str(transaction["credit_account"])},
                    "amount_minor": {"N": str(transaction["amount_minor"])},
                    "currency": {"S": transaction["currency"]},
                },
            )
            self._s3.put_object(Bucket="audit", Key=f"{key}.json", Body=record["body"].encode())
        return {"batchItemFailures": []}


def main() -> None:
    accounts = int(sys.argv[1])
    configure_logging()  # as the runtime does it: a line for each batch is written
    handlers = {"ours": entrypoint.handler, "loop": SampleHandler()}
    answers = os.fdopen(os.dup(1), "w")  # the function logs on stdout
    os.dup2(2, 1)
    for line in sys.stdin:
        task = json.loads(line)
        handler: Any = handlers[task["side"]]
        events = [event_of(task["batch"], accounts=accounts) for _ in range(task["batches"])]
        started = time.perf_counter(), time.process_time()
        kept = [len(handler(json.loads(each), _CONTEXT)["batchItemFailures"]) for each in events]
        taken = time.perf_counter() - started[0], time.process_time() - started[1]
        answer = {"seconds": taken[0], "cpu_seconds": taken[1], "kept": sum(kept)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
