"""`make wake BRANCH=...`: wakes the environment of a branch, and waits for the result."""

import sys
from collections.abc import Sequence

from operations import sleep_and_wake


def main(arguments: Sequence[str] | None = None) -> int:
    return sleep_and_wake.main(sleep_and_wake.WAKE, arguments)


if __name__ == "__main__":
    sys.exit(main())
