"""What some tests need of the machine. In CI nothing may be missing."""

import os
from typing import NoReturn

import pytest


def skip(reason: str) -> NoReturn:
    """Skip this test; where CI is set, fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
