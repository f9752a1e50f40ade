"""Fixtures shared by the tests of the hub's functions."""

from tests.aws_stubs import aws, logging_as_before  # noqa: F401
