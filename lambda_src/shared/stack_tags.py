"""Tags that say which repository and branch a stack was deployed from."""

from typing import Final

ENVIRONMENT_TAG: Final = "environment-suffix"
REPOSITORY_TAG: Final = "repository"
BRANCH_TAG: Final = "branch"
HUB_TAG: Final = "branch-hub"  # its value is the suffix of the hub
# Of the ECS cluster of an environment, while it sleeps: since when. The branch hub sets and removes
# it, and the environment's own pipeline, which may not read the hub's registry, waits for it.
ASLEEP_TAG: Final = "asleep-since"
