"""Which cloud a command asks: the local one of this state folder, or with AWS=yes AWS."""

from dataclasses import dataclass
from typing import Final

import boto3

from local_cloud.aws import environment
from local_cloud.environments import the_environment
from local_cloud.paths import CloudPaths, state_dir
from local_cloud.server import CloudError, RunningCloud, running_cloud

DEFAULT_REGION: Final = "us-east-1"
NO_SUFFIX_ON_AWS: Final = (
    "SUFFIX is empty: AWS=yes needs the name of the environment, as in SUFFIX=main-v4grq1 "
    "(EnvironmentSuffix in the outputs of its stack)"
)


class NoCloud(Exception):
    """There is no cloud, or no environment in it, to ask; the message says what to do."""


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
    cloud = _local_cloud()
    variables = environment(cloud.endpoint_url)
    session = boto3.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )
    return Cloud(session=session, endpoint_url=cloud.endpoint_url)


def choose_suffix(given: str, *, aws: bool) -> str:
    """The suffix that was given; locally without one, that of the only environment.

    Raises NoCloud when that says nothing.
    """
    if given:
        return given
    if aws:
        raise NoCloud(NO_SUFFIX_ON_AWS)
    try:
        return the_environment(CloudPaths(state_dir()), _local_cloud())["suffix"]
    except CloudError as error:
        raise NoCloud(str(error)) from error


def _local_cloud() -> RunningCloud:
    cloud = running_cloud(CloudPaths(state_dir()))
    if cloud is None:
        raise NoCloud(
            f"no local cloud runs for {state_dir()}: start it with `make up`, or add AWS=yes to "
            "ask AWS"
        )
    return cloud
