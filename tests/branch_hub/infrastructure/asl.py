"""A state machine's definition as a graph: transitions of each state, and paths that it reads."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.infra.templates import Synthesized

# The target of a transition, and the paths that it adds for the target state.
Edge = tuple[str, frozenset[str]]
_PATH = re.compile(r"(?<![$.\w])\$((?:\.\w+)+)")
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Definition:
    """The states of one machine by name."""

    start: str
    states: dict[str, dict[str, Any]]
    timeout_seconds: int

    @classmethod
    def of(cls, stack: Synthesized, name: str) -> "Definition":
        machine = stack.one("AWS::StepFunctions::StateMachine", StateMachineName=name)
        parts = machine["DefinitionString"]["Fn::Join"][1]
        text = "".join(p if isinstance(p, str) else f"<{_reference(p)}>" for p in parts)
        written = json.loads(text)
        return cls(
            start=written["StartAt"],
            states=written["States"],
            timeout_seconds=written["TimeoutSeconds"],
        )

    def tasks(self) -> dict[str, dict[str, Any]]:
        return {name: state for name, state in self.states.items() if state["Type"] == "Task"}

    def payload(self, name: str) -> dict[str, Any]:
        return dict(self.states[name]["Parameters"]["Payload"])

    def acting(self, action: str) -> set[str]:
        """The states that call a function with `action`."""
        return {
            name
            for name, state in self.tasks().items()
            if state["Parameters"].get("Payload", {}).get("action") == action
        }

    def next_of(self, name: str, *, errors: bool = True) -> set[str]:
        return {target for target, _ in self._edges(name, errors=errors)}

    def reachable(
        self, start: str, *, without: frozenset[str] = _NOTHING, errors: bool = True
    ) -> set[str]:
        """Every state that a run can reach from `start` without passing `without`."""
        seen: set[str] = set()
        todo = [start]
        while todo:
            name = todo.pop()
            if name in seen or name in without:
                continue
            seen.add(name)
            todo += self.next_of(name, errors=errors)
        return seen

    def known_at(self) -> dict[str, frozenset[str]]:
        """The paths that are set in each state, whichever transitions lead to it."""
        known: dict[str, frozenset[str]] = {self.start: frozenset()}
        todo = [self.start]
        while todo:
            name = todo.pop()
            for target, paths in self._edges_with(name, known[name]):
                better = paths if target not in known else known[target] & paths
                if target not in known or better != known[target]:
                    known[target] = better
                    todo.append(target)
        return known

    def paths_of(self, name: str) -> set[str]:
        """The paths of its input that a state reads, without those of its own answer."""
        state = {k: v for k, v in self.states[name].items() if k not in _WRITES}
        return {f"${path}" for path in _PATH.findall(json.dumps(state))}

    def _edges(self, name: str, *, errors: bool) -> Iterator[Edge]:
        state = self.states[name]
        if "Next" in state:
            yield state["Next"], _NOTHING
        for choice in state.get("Choices", []):
            yield choice["Next"], _NOTHING
        if "Default" in state:
            yield state["Default"], _NOTHING
        for caught in state.get("Catch", []) if errors else []:
            yield caught["Next"], _NOTHING

    def _edges_with(self, name: str, known: frozenset[str]) -> Iterator[Edge]:
        state = self.states[name]
        for caught in state.get("Catch", []):
            at = caught.get("ResultPath")
            yield caught["Next"], known | ({f"{at}.Error", f"{at}.Cause"} if at else _NOTHING)
        after = _written_by(state, known)
        for target, _ in self._edges(name, errors=False):
            yield target, after


_WRITES = ("Catch", "Result", "ResultPath", "ResultSelector", "Next", "Comment")


def _written_by(state: dict[str, Any], known: frozenset[str]) -> frozenset[str]:
    """The paths that are set after `state`."""
    if state["Type"] not in ("Task", "Pass"):
        return known
    made = (
        state.get("ResultSelector")
        or (state.get("Parameters") if state["Type"] == "Pass" else None)
        or state.get("Result")
    )
    at = state.get("ResultPath", "$")
    if at is None:
        return known
    if at == "$":
        return frozenset(_leaves(made or {}, "$"))
    kept = frozenset(path for path in known if not path.startswith(f"{at}."))
    return kept | frozenset(_leaves(made or {}, at))


def _leaves(value: Any, path: str) -> Iterator[str]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key.removesuffix('.$')}")


def _reference(part: dict[str, Any]) -> str:
    (value,) = part.values()
    return value if isinstance(value, str) else ".".join(value)
