"""Starts one execution for each environment that is to sleep or to wake."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from branch_hub.functions.shared.records import EnvironmentRecord, State
from branch_hub.functions.shared.registry import Registry
from lambda_src.shared.branch_suffix import suffix_of_branch

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

logger = logging.getLogger(__name__)

SLEEP: Final = "sleep"
WAKE: Final = "wake"


class InvalidRequest(ValueError):
    """`direction` is neither sleep nor wake."""


class NotStarted(Exception):
    """For some environments no execution was started; Lambda tries the whole list again."""


@dataclass(frozen=True, kw_only=True)
class SleepStarter:
    """The machines decide about each environment: this is only a list of candidates."""

    registry: Registry
    stepfunctions: "SFNClient"
    machines: Mapping[str, str]  # ARNs by direction
    trunk: str

    def run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest, and NotStarted at the end if an environment was left out.

        An environment that sleeps is put to sleep again: AWS starts a stopped cluster after seven
        days.
        """
        direction = request.get("direction")
        if direction not in (SLEEP, WAKE):
            raise InvalidRequest(f"direction is {direction!r}: it must be {SLEEP} or {WAKE}")
        started, failed = [], []
        for record in self.registry.all():
            if not self._is_candidate(record, direction):
                continue
            try:
                self.stepfunctions.start_execution(
                    stateMachineArn=self.machines[direction],
                    input=json.dumps({"suffix": record.suffix}),
                )
                started.append(record.suffix)
            except (BotoCoreError, ClientError):  # the others must not wait for this one
                logger.exception("not started", extra={"suffix": record.suffix})
                failed.append(record.suffix)
        logger.info("environments", extra={"direction": direction, "started": started})
        if failed:
            raise NotStarted(f"{direction} was not started for {', '.join(sorted(failed))}")
        return {"started": sorted(started)}

    def _is_candidate(self, record: EnvironmentRecord, direction: str) -> bool:
        if record.state is not State.LIVE or record.suffix == suffix_of_branch(self.trunk):
            return False
        return direction == SLEEP or record.sleeping is not None
