"""`python -m scripts.branch_life`: draws docs/branch-life.svg from the synthesized hub.

What starts what, and the steps of both state machines in their order, are read from the template.
Only the places on the sheet, and the words beside the steps, are chosen here.
"""

import json
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

import aws_cdk as cdk

from pipeline.branches.hub import CREATE, DESTROY
from pipeline.branches.hub_stack import BranchHub
from pipeline.delivery_settings import DeliverySettings
from scripts.environment_template import ROOT

PICTURE: Final = ROOT / "docs" / "branch-life.svg"
WIDTH: Final = 1180
_LANE_TOP, _STEP_WIDTH, _STEP_HEIGHT, _GAP = 330, 126, 60, 16

Template = dict[str, Any]
_EVENT, _FUNCTION, _MACHINE, _THING = "#efe6f6", "#fdebd9", "#e8eef7", "#e3f1e3"

# What a step does, in a few words. A step of the good way that is not here fails the run.
WORDS: Final = {
    "Admit": ("is it there?", "is there room?"),
    "DeployPipeline": ("cdk deploy of", "its pipeline"),
    "Settle": ("unlock,", "set the expiry"),
    "Claim": ("is it gone?", "may it go?"),
    "Stop": ("runs of its", "pipeline end"),
    "Find": ("stacks by tag", "and by name"),
    "Delete": ("environment, then", "its pipeline"),
    "Sweep": ("logs, images,", "snapshots"),
    "Verify": ("nothing named,", "nothing tagged"),
    "Forget": ("unlock, make room", "for another"),
    "TellGone": ("tell what", "was removed"),
}
_HEARS: Final = ("signed webhook, or", "CodeCommit's event")
_COMPARES: Final = ("branches, stacks,", "expiry dates")
# Steps that a run takes when something is in its way.
DETOURS: Final = frozenset(
    {
        *("Abandon", "Force", "SettleFailure", "TellAbandoned", "TellFailure"),
        *("TellRefused", "TellStillBusy", "Unblock"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Box:
    """One thing on the sheet."""

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

    @property
    def top(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y

    @property
    def bottom(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height


def hub_template() -> Template:
    """Synthesize the hub as cdk.json says, without putting function packages together."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context={**context, "aws:cdk:bundling-stacks": []}, analytics_reporting=False)
    settings = DeliverySettings.from_context(context.get, defaults=context)
    stack = BranchHub(app, settings=settings)
    template: Template = app.synth().get_stack_by_name(stack.stack_name).template
    return template


def draw(template: Template) -> str:
    """Return the picture. KeyError for a step without words."""
    starts = started_by(template)
    hours = _schedule(template)
    push = _box(20, 60, "git push", ("a branch comes", "or moves"), _THING)
    gone = _box(20, 180, "git push --delete", ("a branch goes",), _THING)
    intake = _box(
        250, 110, "branch-intake", ("signed webhook, or", "CodeCommit's event"), _FUNCTION
    )
    hourly = _box(
        250, 225, "branch-reconciler", (hours, "branches and stacks,", "dates"), _FUNCTION
    )
    bus = Box(x=480, y=40, width=250, height=264, colour=_EVENT, title="branch-events", lines=())
    lanes = [_lane(template, machine, _LANE_TOP + 190 * row) for row, machine in enumerate(starts)]
    height = _LANE_TOP + 190 * len(lanes) + 40
    shapes = [
        *(_draw(box) for box in (push, gone, intake, hourly, bus)),
        *(_arrow(box.right, intake.left) for box in (push, gone)),
        _arrow(intake.right, (bus.x, intake.right[1])),
        _arrow(hourly.right, (bus.x, hourly.right[1])),
    ]
    y = 80
    for lane, (machine, kinds) in zip(lanes, starts.items(), strict=True):
        for kind in kinds:
            shapes.append(_text(500, y, kind, size=12))
            shapes.append(_text(860, y, f"starts {machine}", size=11, colour="#555"))
            shapes.append(_arrow((730, y - 4), (852, y - 4)))
            y += 44
        shapes += lane
    shapes.append(
        _text(
            20,
            height - 14,
            "Drawn by scripts/branch_life.py from the synthesized hub. "
            "Every step tries again; every error gives the lock back and is told.",
            size=11,
            colour="#777",
        )
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            'font-family="Helvetica, Arial, sans-serif">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#456"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def started_by(template: Template) -> dict[str, list[str]]:
    """By machine, without its suffix: the events that start it."""
    resources = template["Resources"]
    found: dict[str, list[str]] = {CREATE: [], DESTROY: []}
    for rule in resources.values():
        if rule["Type"] == "AWS::Events::Rule" and "EventBusName" in rule["Properties"]:
            (target,) = rule["Properties"]["Targets"]
            name = resources[target["Arn"]["Ref"]]["Properties"]["StateMachineName"]
            kinds = rule["Properties"]["EventPattern"]["detail-type"]
            found[next(machine for machine in found if name.startswith(machine))] += kinds
    return found


def good_way(template: Template, machine: str) -> list[str]:
    """The steps with words, in the order in which a run first comes to them.

    KeyError for a step that has none and is no detour either.
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
        # Of a choice, what stands first leads on.
        ways = [choice["Next"] for choice in state.get("Choices", [])]
        ways += [state[key] for key in ("Next", "Default") if key in state]
        todo += reversed(ways)
    unknown = {n for n, s in names.items() if s["Type"] == "Task"} - WORDS.keys() - DETOURS
    if unknown:
        raise KeyError(f"no words for {', '.join(sorted(unknown))} of {machine}")
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
    (rate,) = (
        r["Properties"]["ScheduleExpression"]
        for r in template["Resources"].values()
        if r["Type"] == "AWS::Events::Rule" and "ScheduleExpression" in r["Properties"]
    )
    return {"rate(1 hour)": "every hour:"}[rate]


def _lane(template: Template, machine: str, y: int) -> list[str]:
    steps = good_way(template, machine)
    boxes = [
        Box(
            x=30 + place * (_STEP_WIDTH + _GAP),
            y=y + 40,
            width=_STEP_WIDTH,
            height=_STEP_HEIGHT,
            colour=_FUNCTION if step != "DeployPipeline" else _THING,
            title=step,
            lines=WORDS[step],
        )
        for place, step in enumerate(steps)
    ]
    frame = (
        f'<rect x="16" y="{y}" width="{WIDTH - 32}" height="150" rx="6" fill="none" '
        f'stroke="#bcd" stroke-dasharray="5 4"/>'
    )
    return [
        frame,
        _text(26, y + 20, f"{machine} (Step Functions)", size=13, weight="bold"),
        *(_draw(box) for box in boxes),
        *(_arrow(a.right, b.left) for a, b in pairwise(boxes)),
        _text(26, y + 130, _below(template, machine), size=11, colour="#555"),
    ]


def _below(template: Template, machine: str) -> str:
    """What else its answers can lead to."""
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
    text = [_text(x, box.y + 20, box.title, size=13, anchor="middle", weight="bold")]
    for place, line in enumerate(box.lines):
        text.append(_text(x, box.y + 36 + 14 * place, line, size=11, anchor="middle"))
    return (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="5" '
        f'fill="{box.colour}" stroke="#456"/>' + "".join(text)
    )


def _arrow(source: tuple[int, int], target: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = source, target
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#456" stroke-width="1.3" '
        'marker-end="url(#tip)"/>'
    )


def _text(
    x: int,
    y: int,
    text: str,
    *,
    size: int,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = "#123",
) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{colour}">{escape(text)}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(hub_template()))
