"""B11: the account's use is read from the services that own the resources."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from branch_hub.functions.shared import account_quotas as quotas
from branch_hub.functions.shared.account_quotas import QUOTAS, AccountQuota
from branch_hub.functions.shared.account_room import (
    UNLIMITED,
    AccountSurvey,
    QuotaRoom,
    quota_value,
)
from branch_hub.functions.shared.account_use import OthersUse
from tests.aws_stubs import aws, type_of_aws

__all__ = ["aws"]

NOW = datetime(2026, 11, 26, tzinfo=UTC)
OURS = ["x-0a1b2c", "staging"]
OUR_TAGS = [{"Key": "environment-suffix", "Value": "x-0a1b2c"}]


def used(aws: type_of_aws, quota: AccountQuota, answers: dict[str, dict[str, Any]]) -> float:
    """`answers` by `service.operation`."""
    for name, answer in answers.items():
        service, _, operation = name.partition(".")
        aws(service)[1].add_response(operation, answer)
    use = OthersUse(client=lambda service: aws(service)[0], now=NOW, ours=OURS)
    return use.of(quota, ours_need=4)


@pytest.mark.parametrize(
    ("quota", "answer"),
    [
        (
            quotas.ELASTIC_IPS,
            {"ec2.describe_addresses": {"Addresses": [{"Tags": OUR_TAGS}, {"Tags": []}, {}]}},
        ),
        (quotas.VPCS, {"ec2.describe_vpcs": {"Vpcs": [{"Tags": OUR_TAGS}, {}, {}]}}),
        (
            quotas.GATEWAY_ENDPOINTS,
            {"ec2.describe_vpc_endpoints": {"VpcEndpoints": [{"Tags": OUR_TAGS}, {}, {}]}},
        ),
        (
            quotas.LOAD_BALANCERS,
            {
                "elbv2.describe_load_balancers": {
                    "LoadBalancers": [
                        {"LoadBalancerName": "transaction-alb-x-0a1b2c", "Type": "application"},
                        {"LoadBalancerName": "transaction-alb-y-0a1b2c", "Type": "application"},
                        {"LoadBalancerName": "shop-staging", "Type": "application"},
                        {"LoadBalancerName": "shop", "Type": "network"},
                    ]
                }
            },
        ),
        (
            quotas.DATABASE_CLUSTERS,
            {
                "rds.describe_db_clusters": {
                    "DBClusters": [
                        {"DBClusterIdentifier": "transaction-db-staging"},
                        {"DBClusterIdentifier": "transaction-db-production"},
                        {"DBClusterIdentifier": "shop-staging"},
                    ]
                }
            },
        ),
        (
            quotas.DATABASE_INSTANCES,
            {
                "rds.describe_db_instances": {
                    "DBInstances": [
                        {"DBInstanceIdentifier": "transaction-db-first-staging"},
                        {"DBInstanceIdentifier": "shop-1"},
                        {"DBInstanceIdentifier": "shop-2"},
                    ]
                }
            },
        ),
        (
            quotas.LAMBDA_EXECUTIONS,
            {
                "lambda.get_account_settings": {
                    "AccountLimit": {
                        "ConcurrentExecutions": 12,
                        "UnreservedConcurrentExecutions": 10,
                    }
                }
            },
        ),
        (
            quotas.FARGATE_VCPU,
            {
                "cloudwatch.get_metric_statistics": {
                    "Datapoints": [
                        {"Timestamp": NOW, "Maximum": 6.0},
                        {"Timestamp": datetime(2026, 11, 25, tzinfo=UTC), "Maximum": 40.0},
                    ]
                }
            },
        ),
    ],
    ids=lambda value: value.name if isinstance(value, AccountQuota) else "",
)
def test_b11_only_what_others_use_is_counted(
    aws: type_of_aws, quota: AccountQuota, answer: dict[str, Any]
) -> None:
    assert used(aws, quota, answer) == 2


def test_b11_fargate_that_nobody_uses_has_no_points(aws: type_of_aws) -> None:
    empty: dict[str, dict[str, Any]] = {"cloudwatch.get_metric_statistics": {"Datapoints": []}}

    assert used(aws, quotas.FARGATE_VCPU, empty) == 0


@pytest.mark.parametrize(
    ("subnets", "count"),
    [
        ([], 0),
        (["a1", "b1", "a2", None], 3),  # a regional gateway counts in every zone
    ],
)
def test_b11_nat_gateways_are_counted_in_the_fullest_zone(
    aws: type_of_aws, subnets: list[str | None], count: int
) -> None:
    gateways: list[dict[str, Any]] = [{"SubnetId": s} if s else {} for s in subnets]
    answers: dict[str, dict[str, Any]] = {
        "ec2.describe_nat_gateways": {"NatGateways": [*gateways, {"Tags": OUR_TAGS}]}
    }
    if subnets:
        answers["ec2.describe_subnets"] = {
            "Subnets": [
                {"SubnetId": name, "AvailabilityZone": name[0]} for name in ("a1", "a2", "b1")
            ]
        }

    assert used(aws, quotas.NAT_GATEWAYS, answers) == count


def test_b11_builds_may_wait_for_each_other() -> None:
    room = QuotaRoom(quota=quotas.SMALL_BUILDS, value=1, others=0, trunk=2, needed=2)

    assert room.environments == 2
    assert "the quota is 1 (5 more wait for each)" in room.short_of(3, region="eu-west-1")
    assert "--desired-value 2 --region eu-west-1" in room.short_of(3, region="eu-west-1")


def test_b11_a_quota_that_branches_do_not_need_limits_none() -> None:
    room = QuotaRoom(quota=quotas.VPCS, value=1, others=9, trunk=0, needed=0)

    assert room.environments == UNLIMITED


def test_b11_a_new_account_requests_no_less_than_the_default() -> None:
    """AWS refuses a request below it: the value of a new account is lower than the default."""
    room = QuotaRoom(quota=quotas.LAMBDA_EXECUTIONS, value=10, others=0, trunk=0, needed=13)

    assert "--desired-value 1000" in room.short_of(1, region="us-east-1")


def test_b11_lambda_itself_says_how_much_the_account_has(aws: type_of_aws) -> None:
    lambda_, stub = aws("lambda")
    stub.add_response("get_account_settings", {"AccountLimit": {"ConcurrentExecutions": 10}})

    assert quota_value(lambda _: lambda_, quotas.LAMBDA_EXECUTIONS) == 10


def test_b11_each_quota_is_asked_for_by_its_service_and_code(aws: type_of_aws) -> None:
    asked = [quota for quota in QUOTAS.values() if quota is not quotas.LAMBDA_EXECUTIONS]
    client, stub = aws("service-quotas")
    for quota in asked:
        stub.add_response(
            "get_service_quota",
            {"Quota": {"Value": 7.0}},
            {"ServiceCode": quota.service, "QuotaCode": quota.code},
        )

    assert {quota_value(lambda _: client, quota) for quota in asked} == {7}


def test_b11_a_service_that_does_not_answer_leaves_the_rest_unchecked(aws: type_of_aws) -> None:
    client, stub = aws("service-quotas")
    stub.add_response("get_service_quota", {"Quota": {"Value": 7.0}})
    survey = AccountSurvey(
        client=lambda service: client if service == "service-quotas" else Silent(),
        needed={quotas.ELASTIC_IPS.code: 1, quotas.VPCS.code: 1},
        trunk={},
    )

    room = survey.room(ours=[], now=NOW)

    assert (room.rooms, len(room.unchecked)) == ((), 2)
    assert room.environments == UNLIMITED


class Silent:
    def __getattr__(self, _: str) -> Any:
        raise EndpointConnectionError(endpoint_url="https://ec2")
