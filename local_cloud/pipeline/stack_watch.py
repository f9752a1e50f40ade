"""Follows the operation of a stack to its end, and logs its events."""

import time
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.pipeline.actions import ActionFailed, ActionRun

GONE = "DELETE_COMPLETE"
_POLL_SECONDS = 0.5
_TIMEOUT_SECONDS = 3600
_NOT_THE_CAUSE = ("Resource creation cancelled", "Resource update cancelled")


class StackWatch:
    """One stack; events from before the creation of this object are ignored."""

    def __init__(self, run: ActionRun, stack_name: str) -> None:
        self._run = run
        self._name = stack_name
        self._cloudformation = run.run.clients("cloudformation")
        self._seen: set[str] = set()
        self._failures: list[str] = []
        self._stack_id: str | None = None
        if self.status() is not None:
            self._seen = {event["EventId"] for event in self._events()}

    def status(self) -> str | None:
        """None when there is no such stack."""
        stack = self.describe()
        return None if stack is None or stack["StackStatus"] == GONE else stack["StackStatus"]

    def start_over(self) -> None:
        """Follow a new stack of the same name from now on."""
        self._stack_id = None
        self._failures.clear()

    def describe(self) -> dict[str, Any] | None:
        # By its id if that is known: a deleted stack cannot be found by name.
        try:
            answer = self._cloudformation.describe_stacks(StackName=self._stack_id or self._name)
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        stack: dict[str, Any] = answer["Stacks"][0]
        self._stack_id = stack["StackId"]
        return stack

    def settle(self) -> str:
        """Wait until no operation is in progress; logs the events; returns the status."""
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            status = self.status() or GONE
            self._log_events()
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return status
            self._run.wait(_POLL_SECONDS)
        raise ActionFailed(f"stack {self._name} was not done after {_TIMEOUT_SECONDS} s")

    def expect(self, *wanted: str) -> None:
        """`settle`; raises ActionFailed with the first cause unless the status is in `wanted`."""
        status = self.settle()
        if status in wanted:
            self._run.log(f"stack {self._name}: {status}")
            return
        self._run.log(f"stack {self._name}: {status}. What failed:")
        for failure in self._failures:
            self._run.log(f"  {failure}")
        cause = self._failures[0] if self._failures else "no resource reported a reason"
        raise ActionFailed(f"stack {self._name} ended as {status}: {cause}")

    def outputs(self) -> dict[str, str]:
        stack = self.describe() or {}
        return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs") or []}

    def _events(self) -> list[dict[str, Any]]:
        """Newest first."""
        pages = self._cloudformation.get_paginator("describe_stack_events")
        found: list[dict[str, Any]] = []
        for page in pages.paginate(StackName=self._stack_id or self._name):
            found.extend(page["StackEvents"])
        return found

    def _log_events(self) -> None:
        if self._stack_id is None:
            return
        for event in reversed(self._events()):
            if event["EventId"] in self._seen:
                continue
            self._seen.add(event["EventId"])
            reason = event.get("ResourceStatusReason", "")
            line = f"{event['ResourceType']} {event['LogicalResourceId']}: {reason}".rstrip(": ")
            self._run.log(f"{event['ResourceStatus']} {line}")
            is_cause = event["ResourceStatus"].endswith("_FAILED") and reason
            if is_cause and not reason.startswith(_NOT_THE_CAUSE):
                self._failures.append(line)
