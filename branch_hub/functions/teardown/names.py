"""Checks whether a physical name belongs to an environment: such names contain its suffix."""

import re


def is_named_for(name: str, suffix: str) -> bool:
    """Whether `name` contains `suffix` as a whole word."""
    return re.search(rf"(?<![a-z0-9]){re.escape(suffix)}(?![a-z0-9])", name.lower()) is not None
