"""Logs as the code of a function does, with the format and the level of its template."""

import importlib
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local_cloud.emulator.function_logs import LambdaLines
from tests.infra.templates import Synthesized

# As Lambda writes without LoggingConfig: an `extra` is lost.
_TEXT = logging.Formatter("[%(levelname)s]\t%(asctime)s\t%(message)s")


def assert_fields_reach_the_log(stack: Synthesized) -> None:
    """Levels and fields of every Python function of `stack` are where queries look for them."""
    functions = [
        function
        for function in stack.properties("AWS::Lambda::Function")
        if function["Runtime"].startswith("python")
    ]
    assert functions
    for function in functions:
        first, second = _logged(function)
        assert (first["level"], first["message"], first["count"]) == ("INFO", "first", 1)
        assert (second["level"], second["names"]) == ("WARNING", ["a"])


def _logged(function: dict[str, Any]) -> list[dict[str, Any]]:
    with _log(function["LoggingConfig"]) as lines:
        # An import may set up logging, too.
        module = importlib.import_module(function["Handler"].rpartition(".")[0])
        logger = logging.getLogger(module.__name__)
        logger.info("first", extra={"count": 1})
        logger.warning("second", extra={"names": ["a"]})
    return [json.loads(line) for line in lines.getvalue().splitlines()]


@contextmanager
def _log(config: dict[str, Any]) -> Iterator[io.StringIO]:
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(LambdaLines() if config.get("LogFormat") == "JSON" else _TEXT)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(config.get("ApplicationLogLevel", "WARNING"))
    yield lines
    root.handlers[:] = before[0]
    root.setLevel(before[1])
