"""An environment whose verifier gives a prepared answer; its logs and queues are the emulator's."""

import json
from datetime import datetime
from typing import Any

import pytest

from operations.dead_letters import hold
from operations.trace import __main__ as program
from operations.trace import evidence
from tests.account import Account
from tests.operations.dead_letter_queues import Queues
from tests.operations.trace.traces import ID

GROUPS = {
    "service": "/ecs/transaction-service-{}",
    "processor": "/aws/lambda/transaction-processor-{}",
    "writer": "/aws/lambda/audit-writer-{}",
}


class Environment:
    def __init__(self, account: Account) -> None:
        self.suffix = account.name("traced")
        self.answer: dict[str, Any] = {}
        self.asked: list[Any] = []
        self.transactions = Queues(account, "transaction", self.suffix)
        self.audit = Queues(account, "audit", self.suffix)
        self._logs = account.client("logs")
        self._streams = 0

    def create_log_groups(self) -> None:
        for group in GROUPS.values():
            self._logs.create_log_group(logGroupName=group.format(self.suffix))

    def log(self, place: str, at: str, line: dict[str, Any] | str) -> None:
        """In a stream of its own, with the name of a task or of a function's process."""
        self._streams += 1
        group = GROUPS[place].format(self.suffix)
        stream = f"transaction-service/transaction-service/task-{self._streams}"
        self._logs.create_log_stream(logGroupName=group, logStreamName=stream)
        text = line if isinstance(line, str) else json.dumps({"time": at, **line})
        milliseconds = int(datetime.fromisoformat(at).timestamp() * 1000)
        events = [{"timestamp": milliseconds, "message": text}]
        self._logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def call(self, _: object, *, function: str, event: Any, **__: object) -> dict[str, Any]:
        assert function == f"audit-verifier-{self.suffix}"
        self.asked.append(event)
        return {"trace": self.answer}

    def trace(self, *more: str, transaction: str = ID) -> int:
        return program.main(["--suffix", self.suffix, "--transaction", transaction, *more])


@pytest.fixture
def environment(asked: Account, monkeypatch: pytest.MonkeyPatch) -> Environment:
    found = Environment(asked)
    found.create_log_groups()
    monkeypatch.setattr(evidence, "call", found.call)
    monkeypatch.setattr(hold, "WAIT_SECONDS", 0)
    return found
