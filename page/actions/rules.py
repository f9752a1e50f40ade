"""What a value may be that `make` gets in a variable.

Make expands `$` in a variable of its command line, and the shell of a recipe expands what remains:
`"$(BRANCH)"` protects from spaces, not from `$(...)`, quotes or backquotes. No quoting is right for
both, so every rule names the characters that mean nothing to either. A value with others has no
button: the program behind the target can be called in a terminal.
"""

import re
from dataclasses import dataclass
from typing import Final

_DATE: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = "[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})"
_ID: Final = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class NotAllowed(ValueError):
    """A value breaks its rule; the message names the value's parameter and the rule."""


class Incomplete(NotAllowed):
    """A value is still to be chosen."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`says` completes the sentence "it must be ..."."""

    pattern: "re.Pattern[str]"
    says: str

    def check(self, value: str, *, name: str) -> str:
        """Return `value`. Raises NotAllowed."""
        if not self.pattern.fullmatch(value):
            raise NotAllowed(f"{name} is {value[:80]!r}: it must be {self.says}")
        return value


BRANCH: Final = Rule(
    pattern=re.compile(r"(?!refs/)[A-Za-z0-9][A-Za-z0-9._/+@=-]{0,199}"),
    says="a branch name of letters, digits and . _ / + @ = - (for other names use a terminal)",
)
SUFFIX: Final = Rule(
    pattern=re.compile(r"[a-z0-9]+(-[a-z0-9]+)*"),
    says="the suffix of an environment, like main-v4grq1",
)
ID: Final = Rule(pattern=re.compile(_ID), says="a UUID")
REASON: Final = Rule(
    pattern=re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .:,()/@+=-]{0,199}"),
    says="a reason of a dead letter: letters, digits, spaces and _ . : , ( ) / @ + = -",
)
QUEUE: Final = Rule(pattern=re.compile("transaction|audit"), says="transaction or audit")
MOMENT: Final = Rule(
    pattern=re.compile(f"{_DATE}T{_TIME}"), says="a time with its zone, like 2026-11-26T08:00:00Z"
)
