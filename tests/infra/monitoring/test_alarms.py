"""S51: what has an alarm, that each alarm has a runbook, and what its threshold follows from."""

from dataclasses import replace

import pytest

from infra.config import EPHEMERAL
from infra.database import DatabaseConfig
from tests.infra.context import REPOSITORY
from tests.infra.monitoring.alarm_templates import alarms, client_functions, composites, metrics
from tests.infra.templates import Synthesized, text

RUNBOOKS = REPOSITORY / "docs" / "runbooks"
# Queues and functions have tests of their own below.
ALARMED = {
    ("AWS/RDS", "CPUUtilization"),
    ("AWS/RDS", "ACUUtilization"),
    ("AWS/RDS", "DatabaseConnections"),
    ("AWS/ApplicationELB", "UnHealthyHostCount"),
    ("AWS/ApplicationELB", "TargetResponseTime"),
    ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"),
    ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"),
    ("AWS/ECS", "CPUUtilization"),
    ("AWS/DynamoDB", "ReadThrottleEvents"),
    ("AWS/DynamoDB", "WriteThrottleEvents"),
    ("transaction-metrics-dev", "BreakerOpen"),
    ("transaction-metrics-dev", "OutboxOldestSeconds"),
    ("transaction-metrics-dev", "OutboxSetAside"),
}


def alarmed(stack: Synthesized, metric: str, logical_id: str) -> bool:
    """True if an alarm reads `metric` of the resource."""
    return any(
        m["MetricName"] == metric and f'"{logical_id}"' in text(m["Dimensions"])
        for alarm in alarms(stack).values()
        for m in metrics(alarm)
    )


def test_s51_there_is_an_alarm_on_everything_that_was_asked_for(every: Synthesized) -> None:
    found = {(m["Namespace"], m["MetricName"]) for a in alarms(every).values() for m in metrics(a)}

    assert found >= ALARMED


def test_s51_every_queue_has_an_alarm_on_its_age_and_one_on_its_dead_letters(
    every: Synthesized,
) -> None:
    queues = every.all("AWS::SQS::Queue")
    # EventBridge sends to these two: nothing of ours handles their messages.
    bus_letters, _ = every.only("AWS::SQS::Queue", QueueName="outcome-dead-letters-dev")
    probe, _ = every.only("AWS::SQS::Queue", QueueName="outcome-probe-queue-dev")
    dead = {
        queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]: name
        for name, queue in queues.items()
        if "RedrivePolicy" in queue["Properties"]
    }

    assert {*dead, *dead.values(), bus_letters, probe} == set(queues)
    assert alarmed(every, "ApproximateNumberOfMessagesVisible", bus_letters)
    for dead_letters, queue in dead.items():
        assert alarmed(every, "ApproximateAgeOfOldestMessage", queue)
        assert alarmed(every, "ApproximateNumberOfMessagesVisible", dead_letters)


def test_s51_every_function_that_works_for_clients_has_alarms(every: Synthesized) -> None:
    for name in client_functions(every):
        for metric in ("Errors", "Throttles"):
            assert alarmed(every, metric, name), f"add {name} to MonitoredResources.functions"


def test_s51_every_alarm_says_why_it_exists_and_what_to_do(every: Synthesized) -> None:
    for name, alarm in (alarms(every) | composites(every)).items():
        reason, _, runbook = alarm["AlarmDescription"].partition(". Runbook: ")
        assert reason, name
        assert (REPOSITORY / runbook).is_file(), f"alarm {name} has no runbook: write {runbook}"
        for part in ("**What it means.**", "**Look at.**", "**Do.**"):
            assert part in (REPOSITORY / runbook).read_text(), (name, part)


def test_s51_every_runbook_belongs_to_an_alarm(production: Synthesized) -> None:
    descriptions = text(
        [a["AlarmDescription"] for a in (alarms(production) | composites(production)).values()]
    )

    assert [
        p.name for p in RUNBOOKS.glob("*.md") if f"docs/runbooks/{p.name}" not in descriptions
    ] == []


def test_s51_without_requests_nothing_is_wrong_and_without_tasks_something_is(
    ephemeral: Synthesized,
) -> None:
    missing = {name: alarm["TreatMissingData"] for name, alarm in alarms(ephemeral).items()}

    assert {name for name, how in missing.items() if how == "breaching"} == {"too-few-tasks"}
    assert set(missing.values()) == {"breaching", "notBreaching"}


def test_s51_too_few_tasks_is_fewer_than_the_service_must_have(
    ephemeral: Synthesized, production: Synthesized
) -> None:
    """Every running task reports once a minute, so reports are counted."""
    for stack in (ephemeral, production):
        alarm = alarms(stack)["too-few-tasks"]
        minimum = stack.one("AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"]
        assert alarm["Threshold"] == minimum
        assert alarm["ComparisonOperator"] == "LessThanThreshold"
        assert (alarm["MetricName"], alarm["Statistic"]) == ("CPUUtilization", "SampleCount")


@pytest.mark.parametrize(
    ("units_min", "units_max", "connections"),
    [(1, 1, 189), (0.5, 4, 823), (0.5, 8, 1669), (0.5, 16, 2000), (1, 16, 3360), (1, 64, 5000)],
)
def test_the_connections_that_the_capacity_allows_are_those_that_aurora_documents(
    units_min: float, units_max: float, connections: int
) -> None:
    config = DatabaseConfig(capacity_units_min=units_min, capacity_units_max=units_max)

    assert config.connections_max == connections


@pytest.mark.parametrize(("units", "connections"), [(4, 823), (8, 1669)])
def test_s51_the_alarm_on_connections_follows_the_capacity(units: int, connections: int) -> None:
    config = replace(EPHEMERAL, database=replace(EPHEMERAL.database, capacity_units_max=units))
    alarm = alarms(Synthesized.environment(config))["database-connections"]

    assert 0.7 * connections < alarm["Threshold"] < 0.9 * connections


def test_s51_the_certificate_of_the_listener_is_watched(every: Synthesized) -> None:
    listener = every.one("AWS::ElasticLoadBalancingV2::Listener")
    (certificate,) = listener["Certificates"]
    alarm = alarms(every)["certificate-expiry"]
    (metric,) = metrics(alarm)
    assert (metric["Namespace"], metric["MetricName"]) == ("AWS/CertificateManager", "DaysToExpiry")
    assert metric["Dimensions"] == [
        {"Name": "CertificateArn", "Value": certificate["CertificateArn"]}
    ]
    # Below the 30 days in which the environment renews, with time left for a person.
    assert 7 <= alarm["Threshold"] < 30
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    # ACM reports twice a day: a shorter period would have no value most of the time.
    assert metric["Period"] >= 12 * 3600


def test_s51_a_failed_renewal_of_the_certificate_is_an_alarm(ephemeral: Synthesized) -> None:
    (function,) = (
        logical_id
        for logical_id, resource in ephemeral.all("AWS::Lambda::Function").items()
        if resource["Properties"].get("FunctionName") == "environment-certificate-dev"
    )
    (metric,) = metrics(alarms(ephemeral)["environment-certificate-errors"])
    assert (metric["Namespace"], metric["MetricName"]) == ("AWS/Lambda", "Errors")
    assert metric["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]


def test_cloudwatch_accepts_the_length_of_every_alarm(every: Synthesized) -> None:
    """At most seven days, and with periods below an hour one day (PutMetricAlarm)."""
    for name, alarm in alarms(every).items():
        period = max(metric["Period"] for metric in metrics(alarm))
        longest = 7 * 86400 if period >= 3600 else 86400
        assert period * alarm["EvaluationPeriods"] <= longest, name
