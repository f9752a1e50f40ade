"""Runs experiments of the local FIS: each in a thread, with the local faults."""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_cloud.aws import ACCOUNT, REGION, AwsClients
from local_cloud.drills.fis_faults import NoTarget, fault, seconds_of
from local_cloud.drills.rehearsal import Scene
from local_cloud.paths import CloudPaths

logger = logging.getLogger(__name__)

_ENVIRONMENT_TAG = "environment-suffix"
_LOOK_AGAIN_SECONDS = 0.5
RUNNING = ("pending", "initiating", "running", "stopping")

State = dict[str, str]


def arn(kind: str, name: str) -> str:
    return f"arn:aws:fis:{REGION}:{ACCOUNT}:{kind}/{name}"


@dataclass(kw_only=True)
class Experiment:
    """One run of a template, whose `properties` are those of CloudFormation."""

    template_id: str
    properties: Mapping[str, Any]
    tags: Mapping[str, str]
    id: str = field(default_factory=lambda: f"EXP{uuid.uuid4().hex[:15]}")
    created: float = field(default_factory=time.time)
    ended: float | None = None
    state: State = field(default_factory=lambda: {"status": "pending"})
    actions: dict[str, State] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.actions = {name: {"status": "pending"} for name in self.properties["Actions"]}

    def stop(self, reason: str) -> None:
        """Does nothing to an experiment that has ended."""
        with self._lock:
            if self.state["status"] in RUNNING:
                self.state = {"status": "stopping", "reason": reason}
                self.stopped.set()

    def begin(self) -> None:
        with self._lock:
            if not self.stopped.is_set():
                self.state = {"status": "running"}

    def end(self, status: str, **reason: str) -> None:
        """The reason of a stop stays, unless there is another one."""
        with self._lock:
            self.state = {**self.state, "status": status, **reason}

    def end_as_asked(self) -> None:
        """Stopped if somebody has stopped it, otherwise completed."""
        with self._lock:
            ended = "stopped" if self.stopped.is_set() else "completed"
            for state in self.actions.values():
                if state["status"] == "running":
                    state["status"] = ended
            self.state = {**self.state, "status": ended}

    def shape(self) -> dict[str, Any]:
        """As FIS answers."""
        return {
            "id": self.id,
            "arn": arn("experiment", self.id),
            "experimentTemplateId": self.template_id,
            "roleArn": self.properties["RoleArn"],
            "state": self.state,
            "creationTime": self.created,
            "startTime": self.created,
            **({"endTime": self.ended} if self.ended else {}),
            "tags": self.tags,
            "stopConditions": [
                {"source": c["Source"], "value": c.get("Value", "")}
                for c in self.properties["StopConditions"]
            ],
            "actions": {
                name: {
                    "actionId": action["ActionId"],
                    "parameters": action.get("Parameters", {}),
                    "targets": action.get("Targets", {}),
                    "state": self.actions[name],
                }
                for name, action in self.properties["Actions"].items()
            },
        }


class Experiments:
    """The experiments since the server was started; a restart forgets them."""

    def __init__(self, paths: CloudPaths, aws: AwsClients) -> None:
        self._paths = paths
        self._aws = aws
        self._all: dict[str, Experiment] = {}

    def start(self, experiment: Experiment) -> None:
        self._all[experiment.id] = experiment
        threading.Thread(target=self._run, args=(experiment,), daemon=True).start()

    def get(self, name: str) -> Experiment | None:
        return self._all.get(name)

    def all(self) -> list[Experiment]:
        return list(self._all.values())

    def _run(self, experiment: Experiment) -> None:
        try:
            self._carry_out(experiment)
        except Exception as error:  # the thread's boundary: the experiment says why
            logger.exception("experiment %s", experiment.id)
            experiment.end("failed", reason=f"{type(error).__name__}: {error}")
        experiment.ended = time.time()

    def _carry_out(self, experiment: Experiment) -> None:
        raised = self._raised(experiment)
        if raised:
            experiment.end("stopped", reason=raised)
            return
        experiment.begin()
        properties = experiment.properties
        suffix = properties["Tags"][_ENVIRONMENT_TAG]
        scene = Scene(paths=self._paths, suffix=suffix)
        may_skip = properties.get("ExperimentOptions", {}).get("EmptyTargetResolutionMode")
        # A network that is cut first: nothing of what is killed then starts there again.
        lasting = {n: seconds_of(a.get("Parameters", {})) for n, a in properties["Actions"].items()}
        with contextlib.ExitStack() as faults:
            for name in sorted(lasting, key=lambda name: -lasting[name]):
                action = properties["Actions"][name]
                (target,) = action["Targets"].values()
                experiment.actions[name] = {"status": "running"}
                try:
                    faults.enter_context(
                        fault(scene, action["ActionId"], properties["Targets"][target])
                    )
                except NoTarget:
                    experiment.actions[name] = {"status": "skipped", "reason": "no targets"}
                    if may_skip != "skip":
                        raise
                else:
                    if not lasting[name]:
                        experiment.actions[name] = {"status": "completed"}
            self._wait(experiment, seconds=max(lasting.values()))
        experiment.end_as_asked()

    def _wait(self, experiment: Experiment, *, seconds: float) -> None:
        """Until the faults are over, a person stops the experiment, or an alarm does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if experiment.stopped.wait(_LOOK_AGAIN_SECONDS):
                return
            raised = self._raised(experiment)
            if raised:
                experiment.stop(raised)

    def _raised(self, experiment: Experiment) -> str:
        """Empty if no alarm of the stop conditions is raised."""
        names = [
            condition["Value"].rpartition(":alarm:")[2]
            for condition in experiment.properties["StopConditions"]
            if condition["Source"] == "aws:cloudwatch:alarm"
        ]
        if not names:
            return ""
        found = self._aws.cloudwatch.describe_alarms(AlarmNames=names, StateValue="ALARM")
        raised = [alarm["AlarmName"] for alarm in found["MetricAlarms"]]
        return f"Stop condition: alarm {', '.join(raised)}" if raised else ""
