"""The templates, and how they show times and numbers."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.templating import Jinja2Templates

from page.buttons import ButtonsOf, Place
from page.navigation import NAVIGATION
from page.settings import PageSettings

_FOLDER: Final = Path(__file__).parent / "templates"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

# The colour of a state. Every state is written, too: no colour alone tells one.
_KINDS: Final = {
    "good": {
        "Succeeded",
        "Approved",
        "live",
        "running",
        "RUNNING",
        "HEALTHY",
        "available",
        "writer",
        "OK",
        "done",
    },
    "bad": {
        "Failed",
        "Rejected",
        "failed",
        "ALARM",
        "STOPPED",
        "UNHEALTHY",
        "orphaned",
        "Stopped",
        "lost",
    },
    "busy": {
        "waiting",
        "InProgress",
        "Stopping",
        "creating",
        "destroying",
        "rebooting",
        "PENDING",
        "PROVISIONING",
    },
}


def templates(
    settings: PageSettings, *, buttons: ButtonsOf, account_id: Callable[[], str] = str
) -> Jinja2Templates:
    """`account_id`: of AWS, or empty."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals |= {
        "navigation": NAVIGATION,
        "settings": settings,
        "account_id": account_id,
        "buttons": buttons,
        "place": Place,
    }
    environment.filters |= {
        "duration": duration,
        "minute": minute,
        "own": own,
        "moment": moment,
        "iso": iso,
        "kind": kind,
        "short": short,
    }
    return Jinja2Templates(env=environment)


def duration(seconds: float | None) -> str:
    """`8 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`; a dash for None."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def moment(when: datetime | None) -> str:
    """In UTC, as logs have it; a dash for None."""
    return "-" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def minute(text: str) -> str:
    """Of a moment as the hub records it: `2026-12-10T16:29:51Z` -> `2026-12-10 16:29`."""
    return text[:16].replace("T", " ")


def iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds")


def kind(state: str) -> str:
    """The class of a state: good, bad, busy or idle."""
    found = [name for name, states in _KINDS.items() if state in states]
    if found:
        return found[0]
    return "bad" if "FAILED" in state or "ROLLBACK" in state else _of_stack(state)


def _of_stack(state: str) -> str:
    if state.endswith("_IN_PROGRESS"):
        return "busy"
    return "good" if state.endswith("_COMPLETE") else "idle"


def own(name: str, suffix: str) -> str:
    """The name of a resource on the page of its environment: without the suffix."""
    return name.removesuffix(f"-{suffix}")


def short(commit: str) -> str:
    return commit[:12]
