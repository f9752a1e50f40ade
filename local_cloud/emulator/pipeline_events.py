"""CodePipeline's events about a run, computed from successive states of the run."""

from collections.abc import Callable, Mapping
from typing import Any

from local_cloud.aws import ACCOUNT, REGION

Publish = Callable[[str, Mapping[str, Any], list[str]], None]
"""Takes the detail type, the detail and the resources of an event."""

_RUN_STATES = {
    "InProgress": "STARTED",
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Stopped": "STOPPED",
    "Superseded": "SUPERSEDED",
}
_ACTION_STATES = {
    "InProgress": "STARTED",
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Stopped": "ABANDONED",
}


class RunEvents:
    """Publishes the changes of one run, each once."""

    def __init__(
        self, pipeline: str, execution_id: str, *, publish: Publish, retried: bool = False
    ) -> None:
        self._publish = publish
        self._arn = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:{pipeline}"
        self._about = {"pipeline": pipeline, "execution-id": execution_id, "version": 1}
        self._state = ""
        self._actions: dict[tuple[int, str, str], str] = {}
        self._retried = retried
        self._is_new = True

    def publish(self, state: Mapping[str, Any], *, is_stopping: bool) -> None:
        if self._retried and self._is_new and state["status"] == "Failed":
            return  # the retry has not begun: this is the state before it
        if self._retried and self._is_new:
            self._remember(state)
        self._is_new = False
        for stage in state["stages"]:
            for action in stage["actions"]:
                self._publish_action(state["attempt"], stage["name"], action)
        name = _RUN_STATES.get(state["status"], "")
        if name == "STARTED":
            name = "STOPPING" if is_stopping else "RESUMED" if self._retried else name
        if name and name != self._state:
            self._state = name
            self._publish(
                "CodePipeline Pipeline Execution State Change",
                {**self._about, "state": name},
                [self._arn],
            )

    def _remember(self, state: Mapping[str, Any]) -> None:
        for stage in state["stages"]:
            for action in stage["actions"]:
                if action["state"] == "Succeeded":
                    key = (state["attempt"], stage["name"], action["name"])
                    self._actions[key] = action["state"]

    def _publish_action(self, attempt: int, stage: str, action: Mapping[str, Any]) -> None:
        key = (attempt, stage, action["name"])
        before, now = self._actions.get(key, "Waiting"), action["state"]
        if now == before or now not in _ACTION_STATES:
            return
        self._actions[key] = now
        states = [now] if before == "InProgress" or now == "InProgress" else ["InProgress", now]
        for each in states:
            failure = {"execution-result": {"external-execution-summary": action["reason"]}}
            self._publish(
                "CodePipeline Action Execution State Change",
                {
                    **self._about,
                    "stage": stage,
                    "action": action["name"],
                    "region": REGION,
                    "state": _ACTION_STATES[each],
                    "type": {"owner": "AWS", "provider": action["provider"], "version": "1"},
                    **(failure if each == "Failed" else {}),
                },
                [self._arn],
            )
