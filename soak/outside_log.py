"""What was sent and what was acknowledged, outside of the system. Safe for threads."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soak.message import Message
from soak.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """An answer of the API to a transaction."""

    transaction: Mapping[str, Any]
    status: str  # its verdict


class OutsideLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[Message] = []
        self._acknowledged: list[Acknowledged] = []
        self._unexpected: list[Problem] = []

    def sent(self, message: Message) -> None:
        """The queue has acknowledged it."""
        with self._lock:
            self._messages.append(message)

    def acknowledged(self, *answers: Acknowledged) -> None:
        with self._lock:
            self._acknowledged += answers

    def unexpected(self, problem: Problem) -> None:
        with self._lock:
            self._unexpected.append(problem)

    @property
    def messages(self) -> Sequence[Message]:
        with self._lock:
            return [*self._messages]

    @property
    def answers(self) -> Sequence[Acknowledged]:
        with self._lock:
            return [*self._acknowledged]

    @property
    def problems(self) -> Sequence[Problem]:
        with self._lock:
            return [*self._unexpected]
