"""Output variables of actions, and the references to them: `#{Namespace.Output}`."""

import json
import re
import threading
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"#\{([\w@-]+)\.([^}]+)\}")


class UnknownVariable(Exception):
    """A reference to a variable that no earlier action has set."""


class Variables:
    """The variables of one run; safe to use from several threads."""

    def __init__(self, known: Mapping[str, Mapping[str, str]]) -> None:
        self._known = {namespace: dict(values) for namespace, values in known.items()}
        self._lock = threading.Lock()

    def set(self, namespace: str, values: Mapping[str, str]) -> None:
        with self._lock:
            self._known[namespace] = dict(values)

    def resolve(self, text: str) -> str:
        """Raises UnknownVariable."""

        def value(match: re.Match[str]) -> str:
            with self._lock:
                known = self._known.get(match[1], {})
            if match[2] not in known:
                have = ", ".join(sorted(known)) or "none"
                raise UnknownVariable(f"{match[0]} is not set; {match[1]} has: {have}")
            return known[match[2]]

        return _REFERENCE.sub(value, text)

    def resolve_json(self, text: str) -> Any:
        """Parse JSON, then resolve each text in it: values may contain quotes and newlines."""
        return self._walk(json.loads(text))

    def _walk(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.resolve(value)
        if isinstance(value, list):
            return [self._walk(item) for item in value]
        if isinstance(value, dict):
            return {key: self._walk(item) for key, item in value.items()}
        return value
