"""One topic for all branches: the hub's, so that an address confirms once and not per branch."""

from typing import Final

from infra.errors import ConfigurationError
from infra.naming import EnvironmentSuffix

# The key of the context with which the hub creates the pipelines of branches.
KEY: Final = "notices"
HUB: Final = "hub"
TOPIC: Final = "branch-notices"  # its base name; the hub creates it


def parse_notices(value: object) -> str | None:
    """Read the key. Raises ConfigurationError."""
    if value is None or value == "":
        return None
    if value != HUB:
        raise ConfigurationError(
            f"{KEY} is {value!r}: it must be {HUB!r}, or not be set for topics of one's own"
        )
    return HUB


def shared_topic(hub: EnvironmentSuffix) -> str:
    """Return the name of the hub's topic, to which alarms and pipelines of branches publish."""
    return hub.physical_name(TOPIC)
