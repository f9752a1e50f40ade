"""Sends many transactions to the queue, as a producer does: ten in a call, several at once."""

import json
import random
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from bench.ledger.uuid7 import uuid7
from local_cloud.aws import AwsClients

_AT_ONCE: Final = 8  # so that the queue, not the producer, is the limit
_TEN: Final = 10  # the most that SQS takes in a call

Transaction = dict[str, Any]


def transfers(count: int, accounts: Sequence[int]) -> list[Transaction]:
    return [_transfer(*random.sample(accounts, 2)) for _ in range(count)]


def _transfer(debit: int, credit: int) -> Transaction:
    return {
        "transaction_id": str(uuid7()),
        "debit_account": debit,
        "credit_account": credit,
        "amount_minor": random.randint(1, 10_000),
        "currency": "USD",
        "reference": f"drain {random.getrandbits(40):x}",
    }


class Sender:
    def __init__(
        self, aws: AwsClients, queue_url: str, transactions: Sequence[Transaction]
    ) -> None:
        self._sqs = aws.sqs
        self._queue_url = queue_url
        self._tens = [transactions[i : i + _TEN] for i in range(0, len(transactions), _TEN)]
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sender")
        self._running: list[Future[None]] = []
        self.acknowledged = 0

    def start(self) -> None:
        self._running = [self._executor.submit(self._send_all) for _ in range(_AT_ONCE)]

    def check(self) -> None:
        """Raises what a send raised."""
        for each in self._running:
            if each.done():
                each.result()

    def stop(self) -> None:
        self._tens.clear()
        self._executor.shutdown()

    def _send_all(self) -> None:
        while True:
            with self._lock:
                if not self._tens:
                    return
                ten = self._tens.pop()
            answer = self._sqs.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(index), "MessageBody": _body(transaction)}
                    for index, transaction in enumerate(ten)
                ],
            )
            if answer.get("Failed"):
                raise RuntimeError(f"the queue refused messages: {answer['Failed'][0]}")
            with self._lock:
                self.acknowledged += len(ten)


def _body(transaction: Transaction) -> str:
    return json.dumps({"type": "transaction.submitted", "version": 1, "transaction": transaction})
