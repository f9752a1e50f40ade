"""The part of Lambda's context that we use."""

from collections.abc import Callable
from typing import Protocol


class Context(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


def clock_of(context: Context) -> Callable[[], float]:
    """A function that returns the seconds left until Lambda stops this invocation."""
    return lambda: context.get_remaining_time_in_millis() / 1000
