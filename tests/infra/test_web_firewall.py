"""Rate limits of staging and production: whom they reach, what is answered, what is logged."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from app_service.api.problems import problem_response
from tests.infra.templates import Synthesized, text


def acl(stack: Synthesized) -> dict[str, Any]:
    return stack.one("AWS::WAFv2::WebACL")


def limit(stack: Synthesized, rule: str) -> dict[str, Any]:
    (found,) = (r for r in acl(stack)["Rules"] if r["Name"] == rule)
    statement: dict[str, Any] = found["Statement"]["RateBasedStatement"]
    return statement


def test_limits_are_on_the_load_balancers_of_the_trunk_alone(
    ephemeral: Synthesized, longest: Synthesized, production: Synthesized
) -> None:
    assert not any("WAF" in resource["Type"] for resource in ephemeral.resources.values())
    for stack in (longest, production):
        balancer, _ = stack.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
        firewall, _ = stack.only("AWS::WAFv2::WebACL")
        assert stack.one("AWS::WAFv2::WebACLAssociation") == {
            "ResourceArn": {"Ref": balancer},
            "WebACLArn": {"Fn::GetAtt": [firewall, "Arn"]},
        }


def test_a_client_with_sessions_may_send_a_thousand_requests_a_second_from_one_address(
    production: Synthesized,
) -> None:
    """Many customers of one bank or one cloud share an address."""
    everything = limit(production, "all-requests")

    assert "ScopeDownStatement" not in everything
    assert everything["Limit"] / everything["EvaluationWindowSec"] >= 1000


@pytest.mark.parametrize(
    ("authorization", "is_limited"),
    [
        (None, True),
        ("Basic aWQ6c2VjcmV0", True),  # a sign-in, on any path that takes one
        ("Bearer token", False),
        ("bearer token", False),
    ],
)
def test_s33_only_requests_without_a_token_have_the_low_limit(
    production: Synthesized, authorization: str | None, is_limited: bool
) -> None:
    rule = limit(production, "without-session")
    has_token = rule["ScopeDownStatement"]["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert has_token["FieldToMatch"] == {"SingleHeader": {"Name": "authorization"}}
    assert has_token["PositionalConstraint"] == "STARTS_WITH"
    assert [t["Type"] for t in has_token["TextTransformations"]] == ["LOWERCASE"]

    value = (authorization or "").lower()
    assert is_limited is not value.startswith(has_token["SearchString"])
    assert rule["Limit"] < limit(production, "all-requests")["Limit"] / 1000


def test_a_refusal_is_a_429_in_the_format_of_the_service(production: Synthesized) -> None:
    for rule in acl(production)["Rules"]:
        answer = rule["Action"]["Block"]["CustomResponse"]
        body = acl(production)["CustomResponseBodies"][answer["CustomResponseBodyKey"]]
        refusal = json.loads(body["Content"])
        of_service = problem_response(
            HTTPStatus.TOO_MANY_REQUESTS, refusal["code"], refusal["detail"]
        )
        assert body["ContentType"] == "APPLICATION_JSON"
        assert refusal == json.loads(bytes(of_service.body))
        assert answer["ResponseCode"] == refusal["status"] == 429
        assert answer["ResponseHeaders"] == [{"Name": "Retry-After", "Value": "300"}]


def test_s51_an_alarm_reads_the_metric_that_waf_writes_for_the_limit_of_all_requests(
    production: Synthesized,
) -> None:
    (rule,) = (r for r in acl(production)["Rules"] if r["Name"] == "all-requests")
    alarm = production.one("AWS::CloudWatch::Alarm", AlarmName="refused-clients-dev")
    dimensions = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}

    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/WAFV2", "BlockedRequests")
    assert dimensions["Rule"] == rule["VisibilityConfig"]["MetricName"]
    assert dimensions["WebACL"] == acl(production)["VisibilityConfig"]["MetricName"]


def test_s50_refused_requests_are_on_the_dashboard(production: Synthesized) -> None:
    dashboard = text(production.one("AWS::CloudWatch::Dashboard")["DashboardBody"])

    for rule in acl(production)["Rules"]:
        assert rule["VisibilityConfig"]["MetricName"] in dashboard


def test_s65_the_api_answers_without_the_firewall(production: Synthesized) -> None:
    attributes = text(production.properties("AWS::ElasticLoadBalancingV2::LoadBalancer"))

    assert '{"Key": "waf.fail_open.enabled", "Value": "true"}' in attributes


def test_s63_no_credentials_of_a_refused_request_are_stored(production: Synthesized) -> None:
    logging = production.one("AWS::WAFv2::LoggingConfiguration")
    visible = [acl(production), *acl(production)["Rules"]]

    assert logging["RedactedFields"] == [{"SingleHeader": {"Name": "authorization"}}]
    assert not any(v["VisibilityConfig"]["SampledRequestsEnabled"] for v in visible)


def test_s52_s62_only_refused_requests_are_logged_to_a_group_of_the_stack(
    production: Synthesized,
) -> None:
    name = "aws-waf-logs-transaction-api-dev"
    group, properties = production.only("AWS::Logs::LogGroup", LogGroupName=name)
    logging, configuration = production.only("AWS::WAFv2::LoggingConfiguration")
    policy, allowed = production.only("AWS::Logs::ResourcePolicy")

    assert text(configuration["LogDestinationConfigs"]).count(f":log-group:{name}") == 1
    assert configuration["LoggingFilter"]["DefaultBehavior"] == "DROP"
    assert '"KEEP"' in text(configuration["LoggingFilter"])
    assert properties["KmsKeyId"]
    # WAF finds this policy and so creates none of its own, which would remain.
    assert f":log-group:{name}:*" in text(allowed["PolicyDocument"])
    for needed in (group, policy):
        assert production.comes_before(needed, logging)
