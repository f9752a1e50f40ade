"""An alarm rule means what its words say, and contradictory words are refused."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.monitoring.alarm_rule import AlarmRule
from infra.naming import EnvironmentSuffix
from tests.infra.monitoring.alarm_templates import metrics
from tests.infra.templates import Synthesized


def orders() -> cloudwatch.Metric:
    return cloudwatch.Metric(namespace="shop", metric_name="orders", statistic="sum")


def rule(**words: Any) -> AlarmRule:
    return AlarmRule(**{"name": "too-many", "reason": "Too many", "metric": orders(), **words})


def synthesized(rule: AlarmRule) -> dict[str, Any]:
    stack = cdk.Stack()
    rule.create(stack, suffix=EnvironmentSuffix("dev"))
    return Synthesized(stack).one("AWS::CloudWatch::Alarm")


@pytest.mark.parametrize(
    ("words", "period_seconds", "bad_values", "operator"),
    [
        ({"more_than": 10, "within_minutes": 5}, 300, 1, "GreaterThanThreshold"),
        ({"at_least": 10, "for_minutes": 2}, 60, 2, "GreaterThanOrEqualToThreshold"),
        ({"less_than": 10}, 60, 1, "LessThanThreshold"),
        ({"less_than": 10, "within_minutes": 5, "for_minutes": 15}, 300, 3, "LessThanThreshold"),
    ],
)
def test_a_rule_becomes_the_alarm_that_it_describes(
    words: dict[str, int], period_seconds: int, bad_values: int, operator: str
) -> None:
    alarm = synthesized(rule(**words))

    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (operator, 10)
    assert (alarm["Period"], alarm["DatapointsToAlarm"]) == (period_seconds, bad_values)


def test_the_parts_of_an_expression_are_computed_over_the_same_time() -> None:
    share = cloudwatch.MathExpression(
        expression="a / b", using_metrics={"a": orders(), "b": orders().with_(statistic="max")}
    )
    alarm = synthesized(rule(metric=share, more_than=10, within_minutes=5))

    assert [part["Period"] for part in metrics(alarm)] == [300, 300]


@pytest.mark.parametrize(
    ("for_minutes", "values"), [(1, 2), (2, 2)], ids=["one bad value", "two bad values"]
)
def test_an_error_in_every_second_minute_is_one_alarm(for_minutes: int, values: int) -> None:
    alarm = synthesized(rule(at_least=1, for_minutes=for_minutes))

    assert alarm["EvaluationPeriods"] == values


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({}, "exactly one"),
        ({"more_than": 1, "at_least": 1}, "exactly one"),
        ({"at_least": 1, "within_minutes": 0}, "within_minutes is 0"),
        ({"at_least": 1, "for_minutes": 0}, "for_minutes is 0"),
        ({"at_least": 1, "within_minutes": 5, "for_minutes": 8}, "for_minutes is 8.*multiple"),
        ({"at_least": 1, "for_minutes": 3, "pages": True}, "pages, but only after 3 minutes"),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused_by_name(
    words: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=rf"^alarm too-many: .*{problem}"):
        rule(**words)


def test_a_rule_that_does_not_page_may_look_back_as_long_as_it_needs() -> None:
    assert synthesized(rule(at_least=1, within_minutes=60, for_minutes=120))["Period"] == 3600
