"""The way of a transaction as text."""

from datetime import datetime

from operations.trace.conclusion import conclude
from operations.trace.evidence import Evidence
from operations.trace.steps import Step, steps_of

_NAME_WIDTH = 15
_TIME_WIDTH = 27


def show(evidence: Evidence) -> None:
    conclusion = conclude(evidence)
    print(f"transaction {evidence.subject.transaction_id} in {evidence.suffix}\n")
    for step in steps_of(evidence):
        _show_step(step)
    print(f"\n{conclusion.text}")
    for advice in conclusion.advice:
        print(f"  next: {advice}")
    window = evidence.window
    print(f"\nlog lines of {text_of(window.start)} to {text_of(window.end)}")
    for note in evidence.not_read:
        print(f"  not read: {note}")


def text_of(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def _show_step(step: Step) -> None:
    time = "-" if step.moment is None else text_of(step.moment)
    facts = [f"{name} {value}" for name, value in step.facts.items()]
    print(f"{time:{_TIME_WIDTH}}  {step.name:{_NAME_WIDTH}} {step.state}")
    for fact in facts:
        print(f"{'':{_TIME_WIDTH}}    {fact}")
    for line in step.lines:
        print(f"{'':{_TIME_WIDTH}}    log {text_of(line.moment)} {line.stream}: {line.text}")
