"""An accepted finding of a scanner."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """`rules` may be broken at `where`, for this one reason.

    A place is a construct path that begins with the stack; `*` is any one part of it, and all that
    lies below is meant too. `details` are regular expressions, and needed exactly where a rule
    names details (`AwsSolutions-IAM5`): each then covers only what it matches.
    """

    rules: tuple[str, ...]
    where: tuple[str, ...]
    reason: str
    details: tuple[str, ...] = ()


def on(resource: str, *actions: str) -> tuple[str, ...]:
    """Details of AwsSolutions-IAM5: these actions on what the regular expression matches."""
    return tuple(f"{re.escape(action)} on {resource}" for action in actions)
