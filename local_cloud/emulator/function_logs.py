"""Log lines of Python functions in Lambda's JSON format: MiniStack has only plain text.

Runs at the start of a function's process, before its code, so it may import only the standard
library. The fields, and what Lambda does with them, are those of its runtime:
https://github.com/aws/aws-lambda-python-runtime-interface-client
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

# Fields of Lambda: it does not write an `extra` with one of these names.
LAMBDA_FIELDS = frozenset(
    {
        *("timestamp", "level", "logger", "location", "requestId", "tenantId"),
        *("stackTrace", "errorType", "errorMessage", "aws_request_id", "tenant_id"),
    }
)
# The attributes of every record, and those that a formatter adds.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class LambdaLines(logging.Formatter):
    """One JSON object per record, without `requestId`, which MiniStack gives only to the handler.

    An `extra` that is not JSON raises TypeError, as it does in Lambda, where it fails the call.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "timestamp": moment.replace("+00:00", "Z"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, trace = record.exc_info
            line |= {
                "stackTrace": traceback.format_tb(trace),
                "errorType": kind.__name__,
                "errorMessage": str(error),
                "location": f"{record.pathname}:{record.funcName}:{record.lineno}",
            }
        not_extra = LAMBDA_FIELDS | _STANDARD
        line |= {name: value for name, value in vars(record).items() if name not in not_extra}
        return json.dumps(line, ensure_ascii=False)


class _LambdaHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")


def write_as_lambda() -> None:
    """Write all records from level INFO on to standard error, which MiniStack stores."""
    handler = _LambdaHandler()
    handler.setFormatter(LambdaLines())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
