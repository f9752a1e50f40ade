"""Tags for the repository and branch from which the stacks of a delivery come."""

import re
from typing import Final

from branch_hub.functions.shared.stacks import BRANCH_TAG, REPOSITORY_TAG

# Tag values that every service accepts; some also accept letters of other scripts.
_TAG_VALUE: Final = re.compile(r"[A-Za-z0-9 +\-=._:/@]{1,256}")


def source_tags(*, repository: str, branch: str) -> dict[str, str]:
    """Return the tags of `repository` and `branch`.

    A hub deletes only stacks of its own repository: two repositories may share an account. If the
    registry is lost, the hub finds the environment's branch in the tag. A branch whose name is no
    valid tag value gets no branch tag.
    """
    tags = {REPOSITORY_TAG: repository}
    if _TAG_VALUE.fullmatch(branch):
        tags[BRANCH_TAG] = branch
    return tags
