"""The AWS account for the programs of this folder, given by the SDK's usual variables.

`python -m local_cloud <command>` sets these to the local cloud and starts the same program.
"""

from typing import Final

import boto3

DEFAULT_REGION: Final = "us-east-1"


class NoSuffix(Exception):
    """No environment was named."""

    def __init__(self) -> None:
        super().__init__(
            "SUFFIX is empty: AWS=yes needs the name of the environment, as in SUFFIX=main-v4grq1 "
            "(EnvironmentSuffix in the outputs of its stack)"
        )


def open_session() -> boto3.Session:
    """A session of that account, in `DEFAULT_REGION` if the variables name none."""
    return boto3.Session(region_name=boto3.Session().region_name or DEFAULT_REGION)


def required(suffix: str) -> str:
    """Return `suffix`. Raises NoSuffix if it is empty."""
    if not suffix:
        raise NoSuffix
    return suffix
