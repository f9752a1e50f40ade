"""`make sleep BRANCH=...`: puts the environment of a branch to sleep, and waits for the result."""

import sys
from collections.abc import Sequence

from operations import sleep_and_wake


def main(arguments: Sequence[str] | None = None) -> int:
    return sleep_and_wake.main(sleep_and_wake.SLEEP, arguments)


if __name__ == "__main__":
    sys.exit(main())
