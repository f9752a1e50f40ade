"""One JSON object per log line, so that Logs Insights can filter and count by field."""

import json
import logging

# The loggers of our functions: those of the environment and those of the branch hub.
OWN_LOGGERS = ("lambda_src", "branch_hub")
# What every record carries; anything else in it came through `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Message, level, logger, the `context` of the process, and what the call gave as `extra`."""

    def __init__(self, **context: str) -> None:
        super().__init__()
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **self._context,
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def write_json_lines(*, environment_suffix: str) -> None:
    """Make the process log in this format; our own loggers from INFO on, libraries from WARNING.

    The Lambda runtime has put a handler on the root logger before our code runs: it is kept,
    because it knows where lines go. Elsewhere they go to standard error.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    for handler in root.handlers:
        handler.setFormatter(JsonLines(environment=environment_suffix))
    for room in OWN_LOGGERS:
        logging.getLogger(room).setLevel(logging.INFO)
