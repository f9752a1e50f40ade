"""What tests of the hub's functions share."""

from tests.aws_stubs import aws, logging_as_before  # noqa: F401
