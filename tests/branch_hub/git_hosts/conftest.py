"""What tests of the git hosts share."""

from tests.aws_stubs import aws, logging_as_before  # noqa: F401
