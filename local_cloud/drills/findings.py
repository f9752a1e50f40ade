"""What a drill has checked, in plain lines, and what did not hold."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Write each promise as a sentence that is true if the promise holds."""

    held: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def expect(self, promise: str, *, holds: bool, found: str = "") -> None:
        """`found` says what was seen instead; it is printed if the promise does not hold."""
        if holds:
            self.held.append(promise)
        else:
            self.broken.append(f"does not hold: {promise}" + (f" ({found})" if found else ""))
