"""Runs a state machine's definition with stubs in place of its tasks."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.branch_hub.infrastructure.asl import Definition

INPUT = {
    "event_id": "e",
    "repository": "acme/app",
    "branch": "feature/x",
    "suffix": "feature-x-5femoa",
    "reason": "deleted",
}
_CONTEXT: dict[str, Any] = {"Execution": {"Id": "arn:execution", "Input": INPUT}}
_STEPS_MAX = 5000


class TaskFailed(Exception):
    """A stub raises it: the task fails after all its retries."""


@dataclass
class Run:
    """`calls` holds (state, parameters) of every task, `waited` the seconds of every wait."""

    end: str = ""
    succeeded: bool = False
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    waited: list[int] = field(default_factory=list)

    def states(self) -> list[str]:
        return [state for state, _ in self.calls]

    def notice(self) -> str:
        (text,) = (p["Message"] for _, p in self.calls if "Message" in p)
        return str(text)


def run(definition: Definition, answers: Mapping[str, Any]) -> Run:
    """`answers` by state: an answer, a list of answers of which the last repeats, or an error.

    A task without an answer returns {}.
    """
    done, data, name = Run(), {}, definition.start  # type: tuple[Run, Any, str]
    queues = {k: list(v) if isinstance(v, list) else [v] for k, v in answers.items()}
    for _ in range(_STEPS_MAX):
        state = definition.states[name]
        kind = state["Type"]
        if kind in ("Succeed", "Fail"):
            done.end, done.succeeded = name, kind == "Succeed"
            return done
        if kind == "Task":
            parameters = _fill(state["Parameters"], data)
            done.calls.append((name, parameters))
            queue = queues.get(name, [{}])
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            if isinstance(answer, TaskFailed):
                (caught,) = state["Catch"]
                error = {"Error": "TaskFailed", "Cause": str(answer)}
                data, name = _put(data, caught.get("ResultPath", "$"), error), caught["Next"]
                continue
            if "ResultSelector" in state:
                answer = _fill(state["ResultSelector"], {"Payload": answer})
            data = _put(data, state.get("ResultPath", "$"), answer)
        elif kind == "Pass":
            made = state.get("Result") or _fill(state["Parameters"], data)
            data = _put(data, state.get("ResultPath", "$"), made)
        elif kind == "Wait":
            path = state.get("SecondsPath")
            done.waited.append(_read(path, data) if path else state["Seconds"])
        if kind == "Choice":
            ways = (c["Next"] for c in state["Choices"] if _holds(c, data))
            name = next(ways, state["Default"])
        else:
            name = state["Next"]
    raise AssertionError(f"no end after {_STEPS_MAX} steps, at {name}")


def _put(data: Any, path: str | None, value: Any) -> Any:
    if path is None:
        return data
    return value if path == "$" else {**data, path.removeprefix("$."): value}


def _fill(template: Any, data: Any) -> Any:
    if isinstance(template, list):
        return [_fill(item, data) for item in template]
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): _evaluate(value, data) if key.endswith(".$") else _fill(value, data)
        for key, value in template.items()
    }


def _evaluate(text: str, data: Any) -> Any:
    if not text.startswith("States."):
        return _read(text, data)
    function, _, rest = text.partition("(")
    parts = [_argument(part.strip(), data) for part in _split(rest.removesuffix(")"))]
    return _FUNCTIONS[function.removeprefix("States.")](*parts)


def _argument(text: str, data: Any) -> Any:
    if text.startswith("'"):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return _evaluate(text, data) if text.startswith(("$", "States.")) else json.loads(text)


def _split(text: str) -> list[str]:
    """At commas, but not within quotes or brackets."""
    return re.findall(r"(?:'(?:\\.|[^'\\])*'|\([^()]*\)|[^,'()])+", text)


def _read(path: str, data: Any) -> Any:
    found: Any
    found, rest = (_CONTEXT, path[3:]) if path.startswith("$$.") else (data, path[2:])
    for part in rest.split("."):
        key, is_each = part.removesuffix("[*]"), part.endswith("[*]")
        found = [item[key] for item in found] if isinstance(found, list) else found[key]
        if is_each and found and isinstance(found[0], list):
            found = [item for items in found for item in items]
    return found


def _holds(choice: Mapping[str, Any], data: Any) -> bool:
    if "And" in choice:
        return all(_holds(part, data) for part in choice["And"])
    value = _read(choice["Variable"], data)
    for name, compare in _COMPARISONS.items():
        if name in choice:
            return compare(value, choice[name])
    return bool(value < _read(choice["NumericLessThanPath"], data))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Array": lambda *items: [*items],
    "ArrayGetItem": lambda items, index: items[index],
    "ArrayLength": len,
    "Format": lambda template, *values: template.format(*values),
    "JsonToString": lambda value: json.dumps(value, separators=(",", ":")),
    "MathAdd": lambda one, other: one + other,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda value, wanted: bool(value == wanted),
    "BooleanEquals": lambda value, wanted: value is wanted,
    "NumericEquals": lambda value, wanted: bool(value == wanted),
    "NumericLessThan": lambda value, limit: bool(value < limit),
}
