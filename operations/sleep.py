"""`make sleep BRANCH=...`: puts the environment of a branch to sleep, and waits for the result."""

import sys
from collections.abc import Sequence

from operations import resting


def main(arguments: Sequence[str] | None = None) -> int:
    return resting.main(resting.SLEEP, arguments)


if __name__ == "__main__":
    sys.exit(main())
