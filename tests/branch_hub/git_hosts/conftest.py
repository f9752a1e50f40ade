"""Fixtures shared by the tests of the git hosts."""

from tests.aws_stubs import aws, lambda_log  # noqa: F401
