"""What the stacks of a delivery are tagged with besides their environment: where they come from."""

import re
from typing import Final

from branch_hub.functions.shared.stacks import BRANCH_TAG, REPOSITORY_TAG

# What every service takes as the value of a tag; some take letters of other scripts, too.
_TAG_VALUE: Final = re.compile(r"[A-Za-z0-9 +\-=._:/@]{1,256}")


def source_tags(*, repository: str, branch: str) -> dict[str, str]:
    """Two repositories may share an account: the hub of one deletes no stack of the other. The
    branch tells the hub whose environment it is if the registry has lost its record. A branch whose
    name is no valid value of a tag is left out."""
    tags = {REPOSITORY_TAG: repository}
    if _TAG_VALUE.fullmatch(branch):
        tags[BRANCH_TAG] = branch
    return tags
