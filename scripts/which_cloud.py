"""Which cloud a command asks: the local one of this state folder, or with AWS=yes AWS."""

from dataclasses import dataclass
from typing import Final

import boto3

from local_cloud.aws import environment
from local_cloud.paths import CloudPaths, state_dir
from local_cloud.server import running_cloud

DEFAULT_REGION: Final = "us-east-1"


class NoCloud(Exception):
    """There is nobody to ask; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Make clients of `session` with this `endpoint_url`; None is AWS itself."""

    session: boto3.Session
    endpoint_url: str | None

    @property
    def name(self) -> str:
        return "AWS" if self.endpoint_url is None else "the local cloud"


def choose_cloud(*, aws: bool) -> Cloud:
    """The account that the SDK's variables name if `aws`, else the local cloud's. Raises NoCloud.

    The local cloud is asked with its own credentials: those of an account are not even read.
    """
    if aws:
        region = boto3.Session().region_name or DEFAULT_REGION
        return Cloud(session=boto3.Session(region_name=region), endpoint_url=None)
    cloud = running_cloud(CloudPaths(state_dir()))
    if cloud is None:
        raise NoCloud(
            f"no local cloud runs for {state_dir()}: start it with `make up`, or add AWS=yes to "
            "ask AWS"
        )
    variables = environment(cloud.endpoint_url)
    session = boto3.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )
    return Cloud(session=session, endpoint_url=cloud.endpoint_url)
