"""B11: a branch gets an environment only if the quotas of the AWS account have room for it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from branch_hub.functions.shared.account_quotas import ELASTIC_IPS, NAT_GATEWAYS, VPCS
from branch_hub.functions.shared.records import State
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.branch_hub.functions.lifecycle.conftest import COMMITTED, Hub

EIP = ELASTIC_IPS.code


@pytest.fixture
def fresh(hub: Hub) -> Hub:
    """An account with AWS's default of elastic IPs, beside staging and production."""
    hub.needed, hub.trunk_needs = {EIP: 1}, {EIP: 4}
    hub.quotas.values[EIP] = 5
    return hub


def test_b11_a_branch_that_the_account_has_no_room_for_is_refused(fresh: Hub) -> None:
    first, second = fresh.branch(), fresh.branch()
    assert fresh.admit(first, fresh.execution())["outcome"] == "create"

    answer = fresh.admit(second, fresh.execution())

    assert answer["outcome"] == "refused"
    assert answer["message"] == (
        f"branch {second} gets no environment, because quotas of the AWS account are too small. "
        "EC2-VPC Elastic IPs (ec2 L-0263D0A3): the quota is 5; others use 0, the trunk needs 4; "
        "branches, with this one, need 2 x 1. Request an increase: aws "
        "service-quotas request-service-quota-increase --service-code ec2 --quota-code "
        "L-0263D0A3 --desired-value 6 --region us-east-1. Or delete a finished branch, which "
        "deletes its environment. Then push a new commit"
    )
    assert fresh.known(second).state is State.REFUSED
    assert suffix_of_branch(second) not in fresh.quota.members()


def test_b11_of_branches_pushed_at_once_one_gets_the_last_place(fresh: Hub) -> None:
    """Neither has an elastic IP yet that the account could show."""
    pushed = [(fresh.branch(), fresh.execution()) for _ in range(6)]
    barrier = Barrier(len(pushed))

    def admit(one: tuple[str, str]) -> str:
        barrier.wait()
        return str(fresh.admit(*one)["outcome"])

    with ThreadPoolExecutor(len(pushed)) as pool:
        outcomes = list(pool.map(admit, pushed))

    assert sorted(outcomes) == ["create"] + ["refused"] * 5


def test_b11_what_others_use_is_taken_from_the_quota(fresh: Hub) -> None:
    ec2 = fresh.account.client("ec2")
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]

    answer = fresh.admit(fresh.branch(), fresh.execution())

    ec2.release_address(AllocationId=address)
    assert answer["outcome"] == "refused"
    assert "others use 1, the trunk needs 4" in answer["message"]


def test_b11_what_a_branch_has_already_is_not_counted_twice(fresh: Hub) -> None:
    branch = fresh.branch()
    tag = {"Key": "environment-suffix", "Value": suffix_of_branch(branch)}
    ec2 = fresh.account.client("ec2")
    specification = {"ResourceType": "elastic-ip", "Tags": [tag]}
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=[specification])

    answer = fresh.admit(branch, fresh.execution())

    ec2.release_address(AllocationId=address["AllocationId"])
    assert answer["outcome"] == "create"


def test_b11_a_protected_branch_is_refused_too_and_counts_while_it_is_created(fresh: Hub) -> None:
    fresh.git.branches.update({"release/1": COMMITTED, "release/2": COMMITTED})
    assert fresh.admit("release/1", fresh.execution())["outcome"] == "create"

    assert fresh.admit("release/2", fresh.execution())["outcome"] == "refused"
    assert fresh.admit(fresh.branch(), fresh.execution())["outcome"] == "refused"


def test_b11_every_quota_that_is_too_small_is_named(fresh: Hub) -> None:
    fresh.needed = {EIP: 2, VPCS.code: 1, NAT_GATEWAYS.code: 1}
    fresh.quotas.values.update({VPCS.code: 0, NAT_GATEWAYS.code: 100})

    message = fresh.admit(fresh.branch(), fresh.execution())["message"]

    assert EIP in message
    assert VPCS.code in message
    assert NAT_GATEWAYS.code not in message


def test_b11_an_api_that_does_not_answer_stops_no_branch_and_is_reported(
    fresh: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    fresh.needed = {EIP: 1, VPCS.code: 1}
    fresh.quotas.is_reachable = False

    answer = fresh.admit(fresh.branch(), fresh.execution())

    assert answer["outcome"] == "create"
    assert "These quotas were not checked: EC2-VPC Elastic IPs" in answer["message"]
    assert "VPCs per Region (vpc L-F678F1CE): Could not connect" in answer["message"]
    # The second is not asked for: a function must not wait for every quota.
    assert len(fresh.quotas.asked) == 1
    assert "quotas were not checked" in caplog.text


def test_b11_a_quota_that_the_role_may_not_read_stops_no_branch(fresh: Hub) -> None:
    fresh.quotas.is_denied = True

    answer = fresh.admit(fresh.branch(), fresh.execution())

    assert answer["outcome"] == "create"
    assert "AccessDenied" in answer["message"]


def test_b11_an_account_without_a_value_of_its_own_has_the_default(fresh: Hub) -> None:
    fresh.quotas.values.clear()
    fresh.quotas.defaults[EIP] = 4

    assert fresh.admit(fresh.branch(), fresh.execution())["outcome"] == "refused"
