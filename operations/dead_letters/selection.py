"""Which letters a person means: those with a reason, or those about one id."""

from dataclasses import dataclass
from uuid import UUID

from operations.dead_letters.errors import DeadLettersError
from operations.dead_letters.letter import Letter


@dataclass(frozen=True, kw_only=True)
class Selection:
    """All letters, unless `reason` or `wanted` (an id) limits them."""

    reason: str = ""
    wanted: UUID | None = None

    @classmethod
    def parse(cls, *, reason: str, wanted: str) -> "Selection":
        """Raises DeadLettersError."""
        try:
            return cls(reason=reason, wanted=UUID(wanted) if wanted else None)
        except ValueError:
            raise DeadLettersError(
                f"ID={wanted!r}: must be the id of a message, a transaction or a batch: a UUID, "
                "as `make dead-letters` shows it"
            ) from None

    @property
    def is_limited(self) -> bool:
        return bool(self.reason) or self.wanted is not None

    def takes(self, letter: Letter) -> bool:
        if self.reason and letter.reason != self.reason:
            return False
        return self.wanted is None or letter.is_about(self.wanted)

    def __str__(self) -> str:
        named = {"REASON": self.reason, "ID": str(self.wanted or "")}
        return " and ".join(f"{name}={value!r}" for name, value in named.items() if value)
