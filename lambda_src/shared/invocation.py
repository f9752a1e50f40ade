"""What Lambda says of one invocation, as far as we use it."""

from collections.abc import Callable
from typing import Protocol


class Context(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


def clock_of(context: Context) -> Callable[[], float]:
    """How many seconds are left until Lambda stops this invocation, whenever it is asked."""
    return lambda: context.get_remaining_time_in_millis() / 1000
