"""A broken promise: what is wrong, and with what."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """`what` is the same sentence for all of a kind, so that they can be counted."""

    what: str
    subject: str = ""
