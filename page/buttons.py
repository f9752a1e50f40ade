"""The places of the page that have buttons, and the buttons of a place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a template asks for buttons: `kind` and what is known there; the rest is empty."""

    kind: str  # "home", "branch", "pipeline", "run" or "environment"
    suffix: str = ""
    branch: str = ""
    pipeline: str = ""
    execution: str = ""
    state: str = ""  # of the run, or of the environment: `asleep`


@dataclass(frozen=True, kw_only=True)
class Button:
    """A link to the question before an action."""

    label: str
    href: str
    is_dangerous: bool = False
    group: str = ""  # buttons of a group stand together under its name


ButtonsOf = Callable[[Place], Sequence[Button]]
