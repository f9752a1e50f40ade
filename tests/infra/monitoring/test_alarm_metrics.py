"""S51: an alarm that looks at another number than it says never calls, or always."""

from typing import Any

import pytest

from tests.infra.templates import Synthesized, text

# By alarm: what it looks at, in which statistic, and from which value on.
WATCHED = {
    "database-cpu": ("AWS/RDS", "CPUUtilization", "Maximum", 80),
    "database-capacity": ("AWS/RDS", "ACUUtilization", "Maximum", 90),
    "database-connections": ("AWS/RDS", "DatabaseConnections", "Maximum", None),
    "unhealthy-hosts": ("AWS/ApplicationELB", "UnHealthyHostCount", "Maximum", 1),
    "latency": ("AWS/ApplicationELB", "TargetResponseTime", "p99", 1),
    "transaction-queue-age": ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 300),
    "audit-queue-age": ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 300),
    "transaction-dead-letters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 1),
    "audit-dead-letters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 1),
    "transaction-processor-errors": ("AWS/Lambda", "Errors", "Sum", 1),
    "transaction-processor-throttles": ("AWS/Lambda", "Throttles", "Sum", 1),
    "audit-writer-errors": ("AWS/Lambda", "Errors", "Sum", 1),
    "audit-writer-throttles": ("AWS/Lambda", "Throttles", "Sum", 1),
}


def alarm(stack: Synthesized, name: str) -> dict[str, Any]:
    return stack.one("AWS::CloudWatch::Alarm", AlarmName=f"{name}-dev")


@pytest.mark.parametrize("name", WATCHED)
def test_s51_an_alarm_looks_at_what_it_is_named_for(every: Synthesized, name: str) -> None:
    found = alarm(every, name)
    namespace, metric, statistic, threshold = WATCHED[name]

    assert (found["Namespace"], found["MetricName"]) == (namespace, metric)
    assert found.get("Statistic", found.get("ExtendedStatistic")) == statistic
    assert threshold in (None, found["Threshold"])
    assert found["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        (
            "server-errors",
            {"HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count", "RequestCount"},
        ),
        ("sessions-throttled", {"ReadThrottleEvents", "WriteThrottleEvents"}),
    ],
)
def test_s51_an_alarm_that_computes_takes_all_that_counts(
    every: Synthesized, name: str, metrics: set[str]
) -> None:
    parts = [m["MetricStat"] for m in alarm(every, name)["Metrics"] if "MetricStat" in m]

    assert {p["Metric"]["MetricName"] for p in parts} == metrics
    assert {p["Stat"] for p in parts} == {"Sum"}


@pytest.mark.parametrize("name", ["transaction-processor", "audit-writer"])
def test_s51_a_functions_alarms_are_about_that_function(every: Synthesized, name: str) -> None:
    function, _ = every.only("AWS::Lambda::Function", FunctionName=f"{name}-dev")

    for what in ("errors", "throttles"):
        assert function in text(alarm(every, f"{name}-{what}")["Dimensions"])
