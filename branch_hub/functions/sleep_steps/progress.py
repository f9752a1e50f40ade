"""The answer of one step that puts an environment to sleep or wakes it."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Not `done`: call the same step again soon. `message` is for people."""

    done: bool
    message: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
