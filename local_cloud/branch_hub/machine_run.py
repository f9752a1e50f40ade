"""Follows one execution of a state machine of the hub, and reports its steps."""

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
# Lists in answers that are reported when they are not empty.
_LISTS = ("blocked_by", "emptied", "refused", "remains", "removed")
# Several answers hold a part of this list, and one holds the whole: each item is reported once.
_REPORTED_ONCE = "removed"
_REPORTED_STATES = ("Task", "Fail")


class NothingStarted(Exception):
    """No execution of the machine was started for the branch."""


@dataclass(frozen=True, kw_only=True)
class MachineResult:
    """How an execution ended; `answers` holds the last answer of each function, by its name."""

    execution: str
    status: str
    answers: dict[str, Any]
    suffix: str = ""  # of the environment

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCEEDED"

    @property
    def outcome(self) -> str:
        """The first decision of the hub: create, extended, delete, protected, ..."""
        for answer in self.answers.values():
            if "outcome" in answer:
                return str(answer["outcome"])
        return ""


def started_for(
    aws: AwsClients, machine: str, *, branch: str, since: datetime, seconds: float | None = None
) -> str:
    """The execution that an event of `branch` started. Raises NothingStarted."""
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
                f"the event of {branch} started nothing: see the log of the hub's intake function"
            )
        time.sleep(_POLL_SECONDS)


def follow_machine(
    aws: AwsClients, execution: str, *, report: Callable[[str], None]
) -> MachineResult:
    """Report each step until the execution ends."""
    reporter = _StepReporter(report)
    while True:
        described = aws.stepfunctions.describe_execution(executionArn=execution)
        for event in _history(aws, execution, after=reporter.last_id):
            reporter.report(event)
        if described["status"] != "RUNNING":
            return MachineResult(
                execution=execution,
                status=described["status"],
                answers=reporter.answers,
                suffix=json.loads(described["input"]).get("suffix", ""),
            )
        time.sleep(_POLL_SECONDS)


class _StepReporter:
    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._last_reported = ""
        self._step = ""
        self._removed: set[str] = set()
        self.last_id = 0
        self.answers: dict[str, Any] = {}

    def report(self, event: dict[str, Any]) -> None:
        self.last_id = event["id"]
        kind = event["type"]
        if kind.endswith("StateEntered") and kind.startswith(_REPORTED_STATES):
            name = event["stateEnteredEventDetails"]["name"]
            if name != self._step:  # a loop enters the state again
                self._step = name
                self._once(_words(name))
        elif kind == "TaskStateExited":
            self._report_answers(json.loads(event["stateExitedEventDetails"]["output"]))
        elif kind == "TaskFailed":
            self._failure(event["taskFailedEventDetails"])

    def _report_answers(self, output: Any) -> None:
        if not isinstance(output, dict):
            return
        for name, answer in output.items():
            # The answer of a function is an object; the machine's own counters are not.
            if not isinstance(answer, dict) or self.answers.get(name) == answer:
                continue
            self.answers[name] = answer
            if message := answer.get("message"):
                self._once(str(message))
            for key in _LISTS:
                found = answer.get(key)
                texts = [str(f) for f in found] if isinstance(found, list) else []
                if key == _REPORTED_ONCE:
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
                self._report(line)
        self._once(f"{details.get('error', 'failed')}: {cause}")

    def _once(self, text: str) -> None:
        """Report `text` unless it was the last report: loops repeat the same answer."""
        if text != self._last_reported:
            self._last_reported = text
            self._report(text)


def _words(state: str) -> str:
    """`WaitForTheOther` as words."""
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
