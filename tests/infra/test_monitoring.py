"""S50, S51: what calls an operator, and what one looks at."""

import pytest

from tests.infra.templates import Synthesized, text

ALARMS = [
    "unhealthy-hosts",
    "server-errors",
    "database-cpu",
    "transaction-dead-letters",
    "audit-dead-letters",
    "transaction-processor-errors",
    "audit-writer-errors",
]


@pytest.mark.parametrize("name", ALARMS)
def test_s51_an_alarm_calls_within_two_minutes_and_says_why(
    ephemeral: Synthesized, name: str
) -> None:
    topic, _ = ephemeral.only("AWS::SNS::Topic")
    alarm = ephemeral.one("AWS::CloudWatch::Alarm", AlarmName=f"{name}-dev")

    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 120
    assert alarm["DatapointsToAlarm"] == 1
    assert alarm["AlarmDescription"]


@pytest.mark.parametrize("kind", ["transaction", "audit"])
def test_s51_dead_letters_are_those_of_the_dead_letter_queue(
    ephemeral: Synthesized, kind: str
) -> None:
    queue, _ = ephemeral.only("AWS::SQS::Queue", QueueName=f"{kind}-dead-letters-dev")
    alarm = ephemeral.one("AWS::CloudWatch::Alarm", AlarmName=f"{kind}-dead-letters-dev")

    assert alarm["Dimensions"] == [
        {"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}
    ]
    assert alarm["Threshold"] == 1


def test_s51_s63_alarms_travel_encrypted(ephemeral: Synthesized) -> None:
    topic = ephemeral.one("AWS::SNS::Topic", TopicName="transaction-alarms-dev")
    policy = text(ephemeral.one("AWS::SNS::TopicPolicy"))

    assert "EncryptionKey" in text(topic["KmsMasterKeyId"])
    assert '"aws:SecureTransport": "false"' in policy
    assert '"Service": "cloudwatch.amazonaws.com"' in policy


def test_s50_the_dashboard_shows_every_hop_with_the_alarms_on_top(ephemeral: Synthesized) -> None:
    body = text(ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    namespaces = ("ApplicationELB", "ECS", "RDS", "SQS", "Lambda")

    assert body.index("alarm") < body.index("AWS/ApplicationELB")
    assert all(f"AWS/{namespace}" in body for namespace in namespaces)


def test_s50_the_dashboard_is_found_by_its_url(ephemeral: Synthesized) -> None:
    name = ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardName"]

    assert name == "transaction-dashboard-dev"
    assert text(ephemeral.json["Outputs"]["DashboardUrl"]).endswith(f'/{name}"]]}}}}')
