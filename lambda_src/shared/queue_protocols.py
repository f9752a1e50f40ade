"""What the functions of the two queues need of SQS."""

from collections.abc import Callable, Sequence
from typing import Protocol

from lambda_src.shared.messages import Message


class DeadLetters(Protocol):
    def accept(self, message: Message, reason: str) -> bool: ...


class Redelivery(Protocol):
    def postpone(
        self, messages: Sequence[Message], *, seconds_left: Callable[[], float]
    ) -> None: ...


class Renewal(Protocol):
    def renew(
        self,
        messages: Sequence[Message],
        *,
        wait_seconds: int,
        spread_seconds: int,
        seconds_left: Callable[[], float],
    ) -> list[Message]: ...
