"""Tags that say which repository and branch a stack was deployed from."""

import re
from typing import Final

from lambda_src.shared.stack_tags import BRANCH_TAG, REPOSITORY_TAG

# Tag values that every service accepts.
_TAG_VALUE: Final = re.compile(r"[A-Za-z0-9 +\-=._:/@]{1,256}")


def source_tags(*, repository: str, branch: str) -> dict[str, str]:
    """Return the tags. A branch whose name is not a valid tag value is left out.

    By `repository`, a hub does not delete the stacks of another repository in the same account.
    By `branch`, the hub finds the branch of an environment that is not in its registry.
    """
    tags = {REPOSITORY_TAG: repository}
    if _TAG_VALUE.fullmatch(branch):
        tags[BRANCH_TAG] = branch
    return tags
