"""Which names are those of an environment: physical names end in its suffix, or hold it."""

import re


def is_named_for(name: str, suffix: str) -> bool:
    """Whether `suffix` stands in `name` as a word of its own, and not as a part of another's."""
    return re.search(rf"(?<![a-z0-9]){re.escape(suffix)}(?![a-z0-9])", name.lower()) is not None
