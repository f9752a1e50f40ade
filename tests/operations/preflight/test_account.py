"""B11: preflight shows whose credentials are used and whether the region is enabled."""

import pytest

from operations.preflight.account import identity, region
from tests.operations.preflight.conftest import ACCOUNT, Ask

ADMIN = f"arn:aws:iam::{ACCOUNT}:user/admin"


def caller(arn: str) -> dict[str, object]:
    return {"sts.get_caller_identity": {"Arn": arn}}


def test_b11_a_user_of_the_account_is_fine(ask: Ask) -> None:
    assert ask(identity, caller(ADMIN)) == [f"fine: identity: {ADMIN}"]
    assert ask(identity, caller(ADMIN), account=None) == [f"fine: identity: {ADMIN}"]


def test_b11_the_root_user_deploys_nothing(ask: Ask) -> None:
    (line,) = ask(identity, caller(f"arn:aws:iam::{ACCOUNT}:root"))

    assert line.startswith(f"to do: identity: arn:aws:iam::{ACCOUNT}:root is the root user")


def test_b11_credentials_of_another_account_are_found(ask: Ask) -> None:
    (line,) = ask(identity, caller(ADMIN), account="222222222222")

    assert line.startswith(
        f"to do: identity: the credentials are those of account {ACCOUNT}, and `account` is 2222"
    )


@pytest.mark.parametrize(
    ("regions", "start"),
    [
        ([{"OptInStatus": "opted-in"}], "fine: region: us-east-1 is enabled"),
        ([{"OptInStatus": "opt-in-not-required"}], "fine: region"),
        ([{"OptInStatus": "not-opted-in"}], "to do: region: us-east-1 is not enabled"),
        ([], "to do: region: us-east-1 is not enabled"),
    ],
)
def test_b11_a_region_that_is_not_enabled_is_found(
    ask: Ask, regions: list[dict[str, str]], start: str
) -> None:
    (line,) = ask(region, {"ec2.describe_regions": {"Regions": regions}})

    assert line.startswith(start)


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
def test_b11_a_refused_permission_is_a_line_and_no_crash(ask: Ask, code: str) -> None:
    (line,) = ask(region, {"ec2.describe_regions": code})

    assert line.startswith(
        "to do: check: not checked: these credentials may not call DescribeRegions. Allow it"
    )


def test_b11_another_error_is_shown(ask: Ask) -> None:
    (line,) = ask(region, {"ec2.describe_regions": "InternalError"})

    assert line.startswith("to do: check: not checked: An error occurred (InternalError)")
