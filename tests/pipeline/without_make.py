"""An environment for `make` when the tests themselves run under another make."""

import os

_OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
