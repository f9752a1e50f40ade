"""Follows one execution of a state machine of the hub, and says what it does."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from local_cloud.aws import AwsClients
from local_cloud.pipeline.causes import what_failed

_POLL_SECONDS = 0.1
_START_TIMEOUT_SECONDS = 30.0
# Answers that a person should see when they are not empty.
_LISTS = ("blocked_by", "emptied", "refused", "remains", "removed")
# Several answers have parts of it, and one the sum: each thing is said once.
_SAID_ONCE = "removed"
_SAID_STATES = ("Task", "Fail")


class NothingStarted(Exception):
    """No execution of the machine was started for the branch."""


@dataclass(frozen=True, kw_only=True)
class MachineResult:
    """How an execution ended; `answers` are the last answers of its functions, by their name."""

    execution: str
    status: str
    answers: dict[str, Any]
    suffix: str = ""  # of the environment that the execution is about

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCEEDED"

    @property
    def outcome(self) -> str:
        """What the first question was answered with: make, extended, unmake, protected, ..."""
        for answer in self.answers.values():
            if "outcome" in answer:
                return str(answer["outcome"])
        return ""


def started_for(
    aws: AwsClients, machine: str, *, branch: str, since: datetime, seconds: float | None = None
) -> str:
    """The execution that an event about `branch` started. Raises NothingStarted."""
    deadline = time.monotonic() + (seconds or _START_TIMEOUT_SECONDS)
    while True:
        for execution in _newest(aws, machine):
            if execution["startDate"] < since:
                break
            arn = str(execution["executionArn"])
            described = aws.stepfunctions.describe_execution(executionArn=arn)
            if json.loads(described["input"]).get("branch") == branch:
                return arn
        if time.monotonic() > deadline:
            raise NothingStarted(
                f"the event about {branch} started nothing: see the log of the branch hub's intake"
            )
        time.sleep(_POLL_SECONDS)


def follow_machine(aws: AwsClients, execution: str, *, say: Callable[[str], None]) -> MachineResult:
    """Say each step until the end."""
    teller = _Teller(say)
    while True:
        described = aws.stepfunctions.describe_execution(executionArn=execution)
        for event in _history(aws, execution, after=teller.last_id):
            teller.tell(event)
        if described["status"] != "RUNNING":
            return MachineResult(
                execution=execution,
                status=described["status"],
                answers=teller.answers,
                suffix=json.loads(described["input"]).get("suffix", ""),
            )
        time.sleep(_POLL_SECONDS)


class _Teller:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last_said = ""
        self._step = ""
        self._removed: set[str] = set()
        self.last_id = 0
        self.answers: dict[str, Any] = {}

    def tell(self, event: dict[str, Any]) -> None:
        self.last_id = event["id"]
        kind = event["type"]
        if kind.endswith("StateEntered") and kind.startswith(_SAID_STATES):
            name = event["stateEnteredEventDetails"]["name"]
            if name != self._step:  # a loop comes to it again, after a wait
                self._step = name
                self._once(_words(name))
        elif kind == "TaskStateExited":
            self._hear(json.loads(event["stateExitedEventDetails"]["output"]))
        elif kind == "TaskFailed":
            self._failure(event["taskFailedEventDetails"])

    def _hear(self, output: Any) -> None:
        if not isinstance(output, dict):
            return
        for name, answer in output.items():
            # An answer is a result of a function; beside it stand the machine's own counters.
            if not isinstance(answer, dict) or self.answers.get(name) == answer:
                continue
            self.answers[name] = answer
            if message := answer.get("message"):
                self._once(str(message))
            for key in _LISTS:
                found = answer.get(key)
                texts = [str(f) for f in found] if isinstance(found, list) else []
                if key == _SAID_ONCE:
                    texts = [text for text in texts if text not in self._removed]
                    self._removed.update(texts)
                if texts:
                    self._once(f"{key.replace('_', ' ')}: " + "; ".join(texts))

    def _failure(self, details: dict[str, Any]) -> None:
        cause = details.get("cause", "")
        with contextlib.suppress(ValueError, AttributeError, KeyError):
            build = json.loads(cause)
            reasons = [c["Message"] for p in build["Phases"] for c in p.get("Contexts", [])]
            cause = "; ".join(reasons)
            for line in what_failed(Path(build["Logs"]["DeepLink"])):
                self._say(line)
        self._once(f"{details.get('error', 'failed')}: {cause}")

    def _once(self, text: str) -> None:
        """Loops ask the same again and again; the answer is said when it changes."""
        if text != self._last_said:
            self._last_said = text
            self._say(text)


def _words(state: str) -> str:
    """`WaitForTheOther` as a person reads it."""
    return "".join(f" {c.lower()}" if c.isupper() and i else c for i, c in enumerate(state))


def _newest(aws: AwsClients, machine: str) -> Iterator[Any]:
    pages = aws.stepfunctions.get_paginator("list_executions")
    for page in pages.paginate(stateMachineArn=machine):
        yield from page["executions"]


def _history(aws: AwsClients, execution: str, *, after: int) -> list[Any]:
    pages = aws.stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution, PaginationConfig={"PageSize": 1000}
    )
    return [event for page in pages for event in page["events"] if event["id"] > after]
