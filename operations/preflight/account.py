"""The account and the region."""

from collections.abc import Iterator
from typing import Final

from operations.preflight.findings import Finding, Situation, fine, to_do

# AWS has no such account; a local cloud has only its root user.
LOCAL_ACCOUNT: Final = "000000000000"
# Both mean that the region can be used.
_ENABLED: Final = ("opt-in-not-required", "opted-in")


def identity(situation: Situation) -> Iterator[Finding]:
    caller = situation.client("sts").get_caller_identity()["Arn"]
    wanted = situation.settings.account
    if wanted is not None and wanted != situation.account:
        yield to_do(
            f"identity: the credentials are those of account {situation.account}, and `account` is "
            f"{wanted}: use credentials of {wanted}, or set `account` to {situation.account}"
        )
    elif caller.endswith(":root") and caller != f"arn:aws:iam::{LOCAL_ACCOUNT}:root":
        yield to_do(
            f"identity: {caller} is the root user, which should deploy nothing: use a role or user "
            "with AdministratorAccess"
        )
    else:
        yield fine(f"identity: {caller}")


def region(situation: Situation) -> Iterator[Finding]:
    name = situation.settings.region
    answer = situation.client("ec2").describe_regions(RegionNames=[name], AllRegions=True)
    status = answer["Regions"][0].get("OptInStatus") if answer["Regions"] else None
    if status in _ENABLED:
        yield fine(f"region: {name} is enabled")
    else:
        yield to_do(
            f"region: {name} is not enabled in this account: aws account enable-region "
            f"--region-name {name}"
        )
