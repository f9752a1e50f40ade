"""The names of the queues, for programs that read them without knowing the templates."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class QueueNames:
    """The names of a queue and of its dead-letter queue, without the suffix."""

    kind: str

    @property
    def queue(self) -> str:
        return f"{self.kind}-queue"

    @property
    def dead_letters(self) -> str:
        return f"{self.kind}-dead-letters"


TRANSACTIONS: Final = QueueNames(kind="transaction")
AUDIT: Final = QueueNames(kind="audit")
