"""What these programs refuse."""

from typing import Final

NEEDED: Final = (
    "on AWS credentials for the environment's account are needed (docs/aws.md), with the "
    "permissions of docs/runbooks/dead-letters.md"
)


class DeadLettersError(Exception):
    """The request cannot be carried out; the message says what to do."""
