"""Fixtures shared by the tests of the git hosts."""

from tests.aws_stubs import aws, logging_as_before  # noqa: F401
