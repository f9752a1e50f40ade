"""`make wake BRANCH=...`: wakes the environment of a branch, and waits for the result."""

import sys
from collections.abc import Sequence

from operations import resting


def main(arguments: Sequence[str] | None = None) -> int:
    return resting.main(resting.WAKE, arguments)


if __name__ == "__main__":
    sys.exit(main())
