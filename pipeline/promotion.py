"""Which branch delivers to which environments, in which order."""

from dataclasses import dataclass
from typing import Final

from infra.config import EPHEMERAL, EnvironmentConfig


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One stop on the way of a commit: an environment, and the name of its pipeline stage."""

    stage: str
    config: EnvironmentConfig


BRANCH_PROMOTIONS: Final = (Promotion(stage="Environment", config=EPHEMERAL),)
# The trunk has, so far, an environment of its own like every other branch.
TRUNK_PROMOTIONS: Final = BRANCH_PROMOTIONS


def promotions_of(*, is_trunk: bool) -> tuple[Promotion, ...]:
    return TRUNK_PROMOTIONS if is_trunk else BRANCH_PROMOTIONS
