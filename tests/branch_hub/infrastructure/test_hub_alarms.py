"""S51: the alarms of the hub, and the recipients of its notices."""

from fnmatch import fnmatchcase

import pytest

from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB
from tests.delivered import Delivered
from tests.infra.context import REPOSITORY
from tests.infra.templates import Synthesized

H = CODECOMMIT_HUB


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("branch-create-failed", "ExecutionsFailed"),
        ("branch-create-timed-out", "ExecutionsTimedOut"),
        ("branch-destroy-failed", "ExecutionsFailed"),
        ("branch-destroy-timed-out", "ExecutionsTimedOut"),
        ("branch-sleep-failed", "ExecutionsFailed"),
        ("branch-sleep-timed-out", "ExecutionsTimedOut"),
        ("branch-wake-failed", "ExecutionsFailed"),
        ("branch-wake-timed-out", "ExecutionsTimedOut"),
        ("branch-sleep-schedule-errors", "Errors"),
        ("branch-intake-errors", "Errors"),
        ("branch-intake-throttles", "Throttles"),
        ("branch-reconciler-errors", "Errors"),
        ("asset-collector-errors", "Errors"),
        ("pipeline-retry-errors", "Errors"),
        ("branch-dead-letters", "ApproximateNumberOfMessagesVisible"),
    ],
)
def test_an_alarm_reports_each_failure_of_the_hub_itself(
    hub: Synthesized, name: str, metric: str
) -> None:
    topic, _ = hub.only("AWS::SNS::Topic", TopicName=f"branch-notices-{H}")
    alarm = hub.one("AWS::CloudWatch::Alarm", AlarmName=f"{name}-{H}")

    assert alarm["MetricName"] == metric
    assert alarm["AlarmActions"] == [{"Ref": topic}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (
        1,
        "GreaterThanOrEqualToThreshold",
    )


def test_s51_every_alarm_of_the_hub_says_what_to_do(hub: Synthesized) -> None:
    told = set()
    for alarm in hub.properties("AWS::CloudWatch::Alarm"):
        reason, _, runbook = alarm["AlarmDescription"].partition(". Runbook: ")
        page = (REPOSITORY / runbook).read_text()
        assert reason, runbook
        for part in ("**What it means.**", "**Look at.**", "**Do.**"):
            assert part in page, (runbook, part)
        told.add(REPOSITORY / runbook)

    assert told == set((REPOSITORY / "docs" / "runbooks" / "hub").iterdir())


def test_s51_notices_go_to_the_address_that_is_set(hub: Synthesized, trunk: Delivered) -> None:
    assert trunk.hub is not None
    topic, _ = trunk.hub.only("AWS::SNS::Topic")

    assert hub.all("AWS::SNS::Subscription") == {}
    assert trunk.hub.one("AWS::SNS::Subscription") == {
        "Endpoint": "ops@example.com",
        "Protocol": "email",
        "TopicArn": {"Ref": topic},
    }


def test_alarms_may_publish_and_requests_without_tls_are_denied(hub: Synthesized) -> None:
    statements = hub.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    allowed = [s for s in statements if s["Effect"] == "Allow"]

    assert [s["Principal"] for s in allowed] == [
        {"Service": "cloudwatch.amazonaws.com"},
        {"Service": "codestar-notifications.amazonaws.com"},
    ]
    # The alarms of branches, too, and no other account's.
    assert allowed[0]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "000000000000"},
        "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:*"},
    }
    assert [s["Condition"] for s in statements if s["Effect"] == "Deny"] == [
        {"Bool": {"aws:SecureTransport": "false"}}
    ]
    # Otherwise nothing would arrive on the encrypted topic.
    in_the_account = {"StringEquals": {"aws:SourceAccount": "000000000000"}}
    services = [
        s["Principal"]["Service"]
        for s in hub.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if s.get("Condition") == in_the_account
    ]
    assert services == ["cloudwatch.amazonaws.com"]
    assert [
        s["Action"]
        for s in hub.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if s["Principal"] == {"Service": "codestar-notifications.amazonaws.com"}
    ] == [["kms:Decrypt", "kms:GenerateDataKey*"]]


def test_undelivered_events_reach_the_encrypted_queue(hub: Synthesized) -> None:
    """With a condition on the account of EventBridge they might be lost without a word."""
    (statement,) = [
        s
        for s in hub.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if s.get("Sid") == "QueuesOfThisHub"
    ]
    ((key, pattern),) = statement["Condition"]["ArnLike"].items()
    queue = hub.one("AWS::SQS::Queue")["QueueName"]

    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert statement["Condition"].keys() == {"ArnLike"}
    assert key == "kms:EncryptionContext:aws:sqs:arn"
    assert fnmatchcase(f"arn:aws:sqs:us-east-1:000000000000:{queue}", pattern)
