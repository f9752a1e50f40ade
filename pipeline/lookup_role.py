"""The bootstrap's lookup role: it reads what is deployed in an account, and changes nothing."""

from aws_cdk import DefaultStackSynthesizer
from aws_cdk.region_info import RegionInfo


def lookup_role_arn(*, account: str, region: str) -> str:
    qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
    partition = RegionInfo.get(region).partition
    return f"arn:{partition}:iam::{account}:role/cdk-{qualifier}-lookup-role-{account}-{region}"
