"""Draws docs/branch-life.svg from the template of the hub.

The triggers and the steps of both state machines in their order are read from the template. Only
positions and the descriptions of the steps are set here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from branch_hub.infrastructure.hub import CREATE, DESTROY
from checks.environment_template import ROOT
from docs.generators.svg import arrow, frame, rectangle, sheet, text

PICTURE: Final = ROOT / "docs" / "branch-life.svg"
WIDTH: Final = 1180
_LANE_TOP, _LANE_HEIGHT, _ROW = 330, 140, 160
_STEP_WIDTH, _STEP_HEIGHT, _GAP = 126, 60, 16

Template = dict[str, Any]
_EVENT, _FUNCTION, _THING = "#efe6f6", "#fdebd9", "#e3f1e3"

# Descriptions of steps. A step of the main path without a description is an error.
WORDS: Final = {
    "Admit": ("does it exist?", "is there room?"),
    "DeployPipeline": ("cdk deploy of", "its pipeline"),
    "Settle": ("unlock,", "set the expiry"),
    "Claim": ("is it gone?", "may it be deleted?"),
    "Stop": ("runs of its", "pipeline end"),
    "Find": ("stacks by tag", "and by name"),
    "Delete": ("environment, then", "its pipeline"),
    "Sweep": ("logs, images,", "snapshots"),
    "Verify": ("nothing named,", "nothing tagged"),
    "Forget": ("unlock, free the", "place in the quota"),
    "NotifyDeleted": ("what was", "deleted"),
    "Source": ("the commit",),
    "Build": ("unit tests,", "then synth"),
    "UpdatePipeline": ("itself, first",),
    "Assets": ("images and", "functions"),
    "Environment": ("deployed,", "then tested"),
}
# The steps that create resources.
_CREATES: Final = frozenset({"DeployPipeline", "Environment"})
# Steps outside the main path.
DETOURS: Final = frozenset(
    {
        *("Abandon", "Force", "SettleFailure", "NotifyAbandoned", "NotifyFailure"),
        *("NotifyRefused", "NotifyRefusedByCheck", "NotifyStillBusy", "NotifyUnsettled", "Unblock"),
        # Of an environment that sleeps.
        *("StartDatabase", "Wake"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Box:
    """One box of the picture."""

    x: int
    y: int
    width: int
    height: int
    colour: str
    title: str
    lines: tuple[str, ...] = ()

    @property
    def right(self) -> tuple[int, int]:
        return self.x + self.width, self.y + self.height // 2

    @property
    def left(self) -> tuple[int, int]:
        return self.x, self.y + self.height // 2


def stages_of(pipeline: Template) -> list[str]:
    (found,) = (
        r["Properties"]["Stages"]
        for r in pipeline["Resources"].values()
        if r["Type"] == "AWS::CodePipeline::Pipeline"
    )
    return [stage["Name"] for stage in found]


def draw(template: Template, stages: Sequence[str]) -> str:
    """Draw a hub and a branch's pipeline. KeyError for a step without a description."""
    starts = started_by(template)
    hours = _schedule(template)
    push = _box(20, 60, "git push", ("a branch is created", "or moves"), _THING)
    gone = _box(20, 180, "git push --delete", ("a branch is deleted",), _THING)
    intake = _box(
        250, 110, "branch-intake", ("reads a webhook or", "an event of the host"), _FUNCTION
    )
    hourly = _box(
        250, 225, "branch-reconciler", (hours, "compares branches,", "stacks, expiry"), _FUNCTION
    )
    bus = Box(x=480, y=40, width=250, height=264, colour=_EVENT, title="branch-events", lines=())
    machines: dict[str, dict[str, Any]] = {
        machine: {
            "title": f"{machine} (Step Functions)",
            "steps": main_path(template, machine),
            "below": _below(template, machine),
        }
        for machine in starts
    }
    pipeline: dict[str, Any] = {
        "title": "transaction-pipeline (CodePipeline), at once and after every push",
        "steps": stages,
        "below": "A stage that fails ends the run: nothing after it is deployed.",
    }
    in_order = (machines[CREATE], pipeline, machines[DESTROY])
    lanes = [_lane(_LANE_TOP + _ROW * row, **lane) for row, lane in enumerate(in_order)]
    height = _LANE_TOP + _ROW * len(lanes) + 30
    shapes = [
        *(_draw(box) for box in (push, gone, intake, hourly, bus)),
        *(arrow(box.right, intake.left) for box in (push, gone)),
        arrow(intake.right, (bus.x, intake.right[1])),
        arrow(hourly.right, (bus.x, hourly.right[1])),
    ]
    y = 80
    for machine, kinds in starts.items():
        for kind in kinds:
            shapes.append(text(500, y, kind, size=12))
            shapes.append(text(860, y, f"starts {machine}", size=11, colour="#555"))
            shapes.append(arrow((730, y - 4), (852, y - 4)))
            y += 44
    shapes += [shape for lane in lanes for shape in lane]
    shapes.append(
        text(
            20,
            height - 14,
            "Drawn by docs/generators/branch_life.py from the synthesized hub and pipeline. "
            "Every step is retried; every error releases the lock and sends a notice.",
            size=11,
            colour="#777",
        )
    )
    return sheet(WIDTH, height, shapes)


def started_by(template: Template) -> dict[str, list[str]]:
    """Return the events that start each machine; machine names are without the suffix."""
    resources = template["Resources"]
    found: dict[str, list[str]] = {CREATE: [], DESTROY: []}
    for rule in resources.values():
        if rule["Type"] == "AWS::Events::Rule" and "EventBusName" in rule["Properties"]:
            (target,) = rule["Properties"]["Targets"]
            name = resources[target["Arn"]["Ref"]]["Properties"]["StateMachineName"]
            kinds = rule["Properties"]["EventPattern"]["detail-type"]
            found[next(machine for machine in found if name.startswith(machine))] += kinds
    return found


def main_path(template: Template, machine: str) -> list[str]:
    """Return the steps of the main path, in the order of a run.

    KeyError for a step outside of the detours without a description.
    """
    definition = _states(template, machine)
    names = definition["States"]
    reached: list[str] = []
    todo = [definition["StartAt"]]
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        reached.append(name)
        state = names[name]
        # The first choice is the main path.
        ways = [choice["Next"] for choice in state.get("Choices", [])]
        ways += [state[key] for key in ("Next", "Default") if key in state]
        todo += reversed(ways)
    unknown = {n for n, s in names.items() if s["Type"] == "Task"} - WORDS.keys() - DETOURS
    if unknown:
        raise KeyError(f"no description for {', '.join(sorted(unknown))} of {machine}")
    return [name for name in reached if name in WORDS]


def _states(template: Template, machine: str) -> dict[str, Any]:
    (found,) = (
        r["Properties"]
        for r in template["Resources"].values()
        if r["Type"] == "AWS::StepFunctions::StateMachine"
        and r["Properties"]["StateMachineName"].startswith(f"{machine}-")
    )
    parts = found["DefinitionString"]["Fn::Join"][1]
    states: dict[str, Any] = json.loads("".join(p if isinstance(p, str) else "-" for p in parts))
    return states


def _schedule(template: Template) -> str:
    """Of the reconciler; the asset collector is no part of a branch's life."""
    (rate,) = (
        r["Properties"]["ScheduleExpression"]
        for r in template["Resources"].values()
        if r["Type"] == "AWS::Events::Rule"
        and str(r["Properties"].get("Name")).startswith("branch-reconcile-hourly")
    )
    return {"rate(1 hour)": "every hour:"}[rate]


def _lane(y: int, *, title: str, steps: Sequence[str], below: str) -> list[str]:
    boxes = [
        Box(
            x=30 + place * (_STEP_WIDTH + _GAP),
            y=y + 40,
            width=_STEP_WIDTH,
            height=_STEP_HEIGHT,
            colour=_THING if step in _CREATES else _FUNCTION,
            title=step,
            lines=WORDS[step],
        )
        for place, step in enumerate(steps)
    ]
    return [
        frame(16, y, WIDTH - 32, _LANE_HEIGHT, colour="#bcd"),
        text(26, y + 20, title, size=13, weight="bold"),
        *(_draw(box) for box in boxes),
        *(arrow(a.right, b.left) for a, b in pairwise(boxes)),
        text(26, y + 124, below, size=11, colour="#555"),
    ]


def _below(template: Template, machine: str) -> str:
    """The other ends of a run."""
    others = [
        state.get("Error", name)
        for name, state in _states(template, machine)["States"].items()
        if state["Type"] == "Fail" or name in ("NothingToDo", "Refused")
    ]
    return "Other ends: " + ", ".join(sorted(set(others))) + "."


def _box(x: int, y: int, title: str, lines: tuple[str, ...], colour: str) -> Box:
    height = 34 + 15 * len(lines)
    return Box(x=x, y=y, width=180, height=height, colour=colour, title=title, lines=lines)


def _draw(box: Box) -> str:
    x = box.x + box.width // 2
    written = [text(x, box.y + 20, box.title, size=13, anchor="middle", weight="bold")]
    for place, line in enumerate(box.lines):
        written.append(text(x, box.y + 36 + 14 * place, line, size=11, anchor="middle"))
    return rectangle(box.x, box.y, box.width, box.height, colour=box.colour) + "".join(written)
