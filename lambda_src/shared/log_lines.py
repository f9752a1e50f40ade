"""One JSON object per log line, so that Logs Insights can filter and count by field.

Lambda's own JSON format is not used: it has no field for the environment, and the local cloud would
have to imitate it.
"""

import json
import logging

# The loggers of the functions: those of the environment and those of the branch hub.
OWN_LOGGERS = ("lambda_src", "branch_hub")
# The attributes of every record; all others come from `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """Message, level, logger, the `context` of the process, and the `extra` of the call."""

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
    """Log in this format: the functions' own loggers from INFO on, libraries from WARNING on.

    The handler that the Lambda runtime has added to the root logger is kept, because it writes to
    the log group. Elsewhere lines go to standard error.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    for handler in root.handlers:
        handler.setFormatter(JsonLines(environment=environment_suffix))
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
