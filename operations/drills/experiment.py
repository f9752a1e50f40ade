"""Experiments of AWS Fault Injection Service (FIS): find the template, start, follow and stop."""

import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.drills import DRILL_TAG, DRILLS, FAULTS_STACK, ZONE_TAG
from lambda_src.shared.stack_tags import ENVIRONMENT_TAG

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_fis import FISClient
    from mypy_boto3_fis.type_defs import (
        ExperimentSummaryTypeDef,
        ExperimentTemplateSummaryTypeDef,
        ExperimentTypeDef,
    )

COMPLETED: Final = "completed"
_RUNNING: Final = ("pending", "initiating", "running", "stopping")
_LOOK_AGAIN_SECONDS: Final = 1.0
_ALARM: Final = "aws:cloudwatch:alarm"


class DrillError(Exception):
    """The drill cannot be run; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """The template of one drill in one environment; `zone`: the zone that is lost."""

    fis: "FISClient"
    id: str
    drill: str
    suffix: str
    zone: str | None

    @classmethod
    def find(cls, fis: "FISClient", *, drill: str, suffix: str, zone: str | None) -> "Template":
        """Raises DrillError if the environment does not have it."""
        if drill not in DRILLS:
            raise DrillError(f"DRILL={drill!r}: it must be one of {', '.join(DRILLS)}")
        wanted = {ENVIRONMENT_TAG: suffix, DRILL_TAG: drill, **({ZONE_TAG: zone} if zone else {})}
        for summary in _templates(fis):
            if wanted.items() <= summary.get("tags", {}).items():
                return cls(fis=fis, id=summary["id"], drill=drill, suffix=suffix, zone=zone)
        where = f" in zone {zone}" if zone else ""
        raise DrillError(
            f"SUFFIX={suffix!r}: there is no template for {drill}{where}: this environment has no "
            f'stack {FAULTS_STACK}-{suffix}. Set faultInjection in cdk.json, as in {{"ephemeral": '
            "true}, and deliver it (docs/recovery.md)"
        )

    def require_idle(self) -> None:
        """Raises DrillError if an experiment in this environment runs already."""
        for summary in _experiments(self.fis):
            is_ours = summary.get("tags", {}).get(ENVIRONMENT_TAG) == self.suffix
            if is_ours and summary["state"]["status"] in _RUNNING:
                raise DrillError(
                    f"SUFFIX={self.suffix!r}: experiment {summary['id']} is "
                    f"{summary['state']['status']} there already: wait for its end, or stop it "
                    f"with `aws fis stop-experiment --id {summary['id']}`"
                )

    def start(self) -> "Experiment":
        started = self.fis.start_experiment(
            clientToken=str(uuid.uuid4()),
            experimentTemplateId=self.id,
            tags={
                "Name": f"{self.drill}-{self.suffix}",
                ENVIRONMENT_TAG: self.suffix,
                DRILL_TAG: self.drill,
            },
        )
        return Experiment(fis=self.fis, id=started["experiment"]["id"])


@dataclass(frozen=True, kw_only=True)
class Experiment:
    fis: "FISClient"
    id: str

    def follow(self) -> "ExperimentTypeDef":
        """Print each change of the experiment and its actions; return it when it has ended."""
        told: dict[str, str] = {}
        while True:
            found = self.fis.get_experiment(id=self.id)["experiment"]
            for what, state in _states(found):
                if told.get(what) != state:
                    print(f"{time.strftime('%H:%M:%S')} {what}: {state}", flush=True)
                    told[what] = state
            if found["state"]["status"] not in _RUNNING:
                return found
            time.sleep(_LOOK_AGAIN_SECONDS)

    def stop(self) -> "ExperimentTypeDef":
        """FIS takes the faults back. Returns when it has ended."""
        status = self.fis.get_experiment(id=self.id)["experiment"]["state"]["status"]
        if status in _RUNNING:
            self.fis.stop_experiment(id=self.id)
        return self.follow()

    def request_stop(self) -> None:
        """Without a look at it, and without waiting; says so if it may run on."""
        try:
            self.fis.stop_experiment(id=self.id)
        except (BotoCoreError, ClientError) as error:
            print(
                f"experiment {self.id} may still run: {error}. Stop it with "
                f"`aws fis stop-experiment --id {self.id}`",
                file=sys.stderr,
            )


def problem_of(experiment: "ExperimentTypeDef", cloudwatch: "CloudWatchClient") -> str | None:
    """Why it did not complete, with the alarms that stopped it; None if it did."""
    state = experiment["state"]
    if state["status"] == COMPLETED:
        return None
    text = f"the experiment was not completed: {_text(state)}"
    arns = [c["value"] for c in experiment.get("stopConditions", []) if c.get("source") == _ALARM]
    names = [arn.rpartition(":alarm:")[2] for arn in arns]
    if state["status"] == "stopped" and names:
        try:
            found = cloudwatch.describe_alarms(AlarmNames=names, StateValue="ALARM")
        except (BotoCoreError, ClientError) as error:  # what was acknowledged is checked after this
            return f"{text}; which alarm stopped it is not known: {error}"
        for alarm in found["MetricAlarms"]:
            text += f"; alarm {alarm['AlarmName']}: {alarm.get('StateReason', 'no reason given')}"
    return text


def _states(experiment: "ExperimentTypeDef") -> Iterator[tuple[str, str]]:
    yield f"experiment {experiment['id']}", _text(experiment["state"])
    for name, action in experiment.get("actions", {}).items():
        yield f"  {name} ({action['actionId']})", _text(action["state"])


def _text(state: Any) -> str:
    reason = state.get("reason")
    return f"{state['status']} ({reason})" if reason else str(state["status"])


def _templates(fis: "FISClient") -> Iterator["ExperimentTemplateSummaryTypeDef"]:
    for page in fis.get_paginator("list_experiment_templates").paginate():
        yield from page["experimentTemplates"]


def _experiments(fis: "FISClient") -> Iterator["ExperimentSummaryTypeDef"]:
    for page in fis.get_paginator("list_experiments").paginate():
        yield from page["experiments"]
