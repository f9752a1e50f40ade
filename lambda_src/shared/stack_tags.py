"""Tags that say which repository and branch a stack was deployed from."""

from typing import Final

ENVIRONMENT_TAG: Final = "environment-suffix"
REPOSITORY_TAG: Final = "repository"
BRANCH_TAG: Final = "branch"
HUB_TAG: Final = "branch-hub"  # its value is the suffix of the hub
