"""Fixtures shared by the tests of the hub's functions."""

from tests.aws_stubs import aws, lambda_log  # noqa: F401
