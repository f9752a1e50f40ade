"""One worker of Lambda: `python -m soak.function_program <module with the handler>`.

Its environment is that of the function. Each line of stdin is one invocation as JSON
(`{"event": ..., "seconds": n}`), each line of the answers is what the handler returned, or
`{"error": ...}`. Logs go to stderr, as JSON lines.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app_service.logs import configure_logging


@dataclass(frozen=True, kw_only=True)
class Context:
    deadline: float

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(1000 * (self.deadline - time.monotonic())))


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")  # the function logs on stdout
    os.dup2(2, 1)
    configure_logging()
    handler = importlib.import_module(sys.argv[1]).handler
    for line in sys.stdin:
        task = json.loads(line)
        context = Context(deadline=time.monotonic() + task["seconds"])
        print(json.dumps(_answer(handler, task["event"], context)), file=answers, flush=True)


def _answer(handler: Callable[..., Any], event: Any, context: Context) -> Any:
    try:
        return handler(event, context)
    except Exception as error:  # noqa: BLE001 - the runtime's boundary: the invocation has failed
        return {"error": repr(error)}


if __name__ == "__main__":
    main()
