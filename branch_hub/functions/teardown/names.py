"""Which names belong to an environment: physical names hold its suffix."""

import re


def is_named_for(name: str, suffix: str) -> bool:
    """Whether `name` holds `suffix` as a whole word."""
    return re.search(rf"(?<![a-z0-9]){re.escape(suffix)}(?![a-z0-9])", name.lower()) is not None
