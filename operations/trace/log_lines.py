"""Log lines that name an id, in a bounded time, read by FilterLogEvents.

This call costs nothing on AWS; a query of Logs Insights is charged by what it scans. But it reads
all of the time that it is given, so that time is short
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

PAGES_MAX: Final = 50  # of one search; a page may be empty
LINES_MAX: Final = 100
_VALUE_LENGTH_MAX: Final = 200
# Those of the logger, and long ones; and what no version may log, if one did.
_NOT_SHOWN: Final = frozenset(
    {
        *("time", "timestamp", "message", "level", "logger", "location", "stackTrace", "exception"),
        *("authorization", "token", "secret", "password"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """`fields` are those of a JSON line; empty for a line of the platform."""

    moment: datetime
    stream: str
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Printable characters, without what is long or could be secret."""
        parts = [
            f"{name}={_short(value)}"
            for name, value in self.fields.items()
            if name not in _NOT_SHOWN and value not in ("", [], {})
        ]
        return " ".join([printable(self.message), *parts])


@dataclass(frozen=True, kw_only=True)
class Window:
    """Times of log lines."""

    start: datetime
    end: datetime


@dataclass(kw_only=True)
class LogReader:
    """`not_read` names the groups that are not there, and searches that were ended."""

    logs: "CloudWatchLogsClient"
    not_read: list[str] = field(default_factory=list)

    def lines(self, group: str, ids: Iterable[str], window: Window) -> list[Line]:
        """Those that contain one of the ids, each once, by time."""
        found: dict[tuple[str, int, str], Line] = {}
        for event in self._events(group, _any_of(ids), window):
            place = (event.get("logStreamName", ""), event["timestamp"], event["message"])
            found.setdefault(place, _line_of(event))
        return sorted(found.values(), key=lambda line: line.moment)[:LINES_MAX]

    def _events(self, group: str, pattern: str, window: Window) -> Sequence[Mapping[str, Any]]:
        request: dict[str, Any] = {
            "logGroupName": group,
            "filterPattern": pattern,
            "startTime": int(window.start.timestamp() * 1000),
            "endTime": int(window.end.timestamp() * 1000) + 1,
        }
        found: list[Mapping[str, Any]] = []
        for _ in range(PAGES_MAX):
            try:
                answer = self.logs.filter_log_events(**request)
            except self.logs.exceptions.ResourceNotFoundException:
                self._note(f"there is no log group {group}")
                return found
            found += answer["events"]
            if "nextToken" not in answer:
                return found
            if len(found) >= LINES_MAX:
                break
            request["nextToken"] = answer["nextToken"]
        self._note(f"{group}: not all lines were read; choose a shorter time with FROM= and TO=")
        return found

    def _note(self, text: str) -> None:
        if text not in self.not_read:
            self.not_read.append(text)


def _any_of(ids: Iterable[str]) -> str:
    """The pattern for lines with one of them. Phrases: without quotes a hyphen excludes."""
    phrases = [f'"{each}"' for each in ids]
    return phrases[0] if len(phrases) == 1 else " ".join(f"?{phrase}" for phrase in phrases)


def printable(text: str) -> str:
    """A client chooses some of the values: none may control a terminal."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _line_of(event: Mapping[str, Any]) -> Line:
    text = event["message"].rstrip()
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or a client's, which is nested too deeply
        fields = None
    if not isinstance(fields, dict):
        fields = {}
    return Line(
        moment=_moment(fields) or datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        stream=event.get("logStreamName", ""),
        message=str(fields.get("message", text)),
        fields=fields,
    )


def _moment(fields: Mapping[str, Any]) -> datetime | None:
    """When the line was written; the event has the time when it was collected."""
    try:
        moment = datetime.fromisoformat(str(fields.get("time") or fields.get("timestamp")))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _short(value: object) -> str:
    try:
        text = value if isinstance(value, str) else json.dumps(value)
    except RecursionError:
        return "(nested too deeply)"
    return printable(text if len(text) <= _VALUE_LENGTH_MAX else f"{text[:_VALUE_LENGTH_MAX]}...")
