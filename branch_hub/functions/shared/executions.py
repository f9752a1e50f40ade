"""Checks whether an execution of a state machine is running: a lock ends with its holder."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# Step Functions is eventually consistent: a new execution may be unknown at first.
_BECOMES_KNOWN_WITHIN: Final = timedelta(minutes=1)


class Executions:
    """Needs `states:DescribeExecution` on the executions of both state machines."""

    def __init__(self, *, stepfunctions: "SFNClient") -> None:
        self._stepfunctions = stepfunctions

    def is_running(self, arn: str, *, since: datetime, now: datetime) -> bool:
        """`since`: when it took its lock. An unknown execution has ended, unless it is new."""
        try:
            answer = self._stepfunctions.describe_execution(executionArn=arn)
        except self._stepfunctions.exceptions.ExecutionDoesNotExist:
            return now - since < _BECOMES_KNOWN_WITHIN
        return answer["status"] == "RUNNING"
