"""S51, S52: who is notified of an alarm, which alarms page, and the saved queries."""

import json
import logging
import re

import pytest

from app_service.logs import JsonLines
from local_cloud.emulator.function_logs import LambdaLines
from tests.infra.configurations import OF_THE_HUB
from tests.infra.monitoring.alarm_templates import (
    BURN,
    alarms,
    client_functions,
    composites,
    members,
    metrics,
)
from tests.infra.templates import Synthesized, text


def topic(stack: Synthesized, name: str) -> dict[str, str]:
    return {"Ref": stack.only("AWS::SNS::Topic", TopicName=f"{name}-dev")[0]}


def test_s51_every_alarm_notifies_the_topic(ephemeral: Synthesized) -> None:
    """The two windows of a burn rate notify through their composite alarm."""
    notifying = {
        name
        for name, alarm in (alarms(ephemeral) | composites(ephemeral)).items()
        if alarm.get("AlarmActions") == alarm.get("OKActions")
        and topic(ephemeral, "transaction-alarms") in alarm.get("AlarmActions", [])
    }
    windows = {w for c in composites(ephemeral) if c != "page" for w in members(ephemeral, c)}

    assert notifying | windows | {"page"} == set(alarms(ephemeral) | composites(ephemeral))
    assert notifying & windows == set()


def test_s51_one_alarm_pages_for_all_that_need_a_person_at_once(ephemeral: Synthesized) -> None:
    paging = [
        name
        for name, alarm in (alarms(ephemeral) | composites(ephemeral)).items()
        if topic(ephemeral, "transaction-pages") in alarm.get("AlarmActions", [])
    ]

    assert paging == ["page"]
    assert members(ephemeral, "page") >= {
        "error-budget-burn-fast",
        "error-budget-burn-slow",
        "too-few-tasks",
        "breaker-open",
        "outbox-age",
        "transaction-queue-age",
        "audit-queue-age",
    }
    assert " OR " in text(composites(ephemeral)["page"]["AlarmRule"])


def test_s51_an_alarm_that_pages_starts_within_two_minutes(ephemeral: Synthesized) -> None:
    paging = members(ephemeral, "page") & set(alarms(ephemeral))

    assert paging
    for name in paging:
        alarm = alarms(ephemeral)[name]
        (period,) = {m["Period"] for m in metrics(alarm)}
        assert period * alarm["DatapointsToAlarm"] <= 120, name


@pytest.mark.parametrize(
    ("burn", "long_seconds", "short_seconds", "percent"),
    [("fast", 3600, 300, 1.44), ("slow", 21600, 1800, 0.6)],
)
def test_s51_a_burn_alarm_needs_a_long_and_a_short_window(
    ephemeral: Synthesized, burn: str, long_seconds: int, short_seconds: int, percent: float
) -> None:
    """14.4 and 6 times 0.1 %, which is what the objective of 99.9 % leaves."""
    windows = {name: alarms(ephemeral)[name] for name in members(ephemeral, f"{BURN}-{burn}")}

    def periods(window: str) -> set[int]:
        return {m["Period"] for m in metrics(windows[f"{BURN}-{burn}-{window}"])}

    assert windows.keys() == {f"{BURN}-{burn}-long", f"{BURN}-{burn}-short"}
    assert periods("long") == {long_seconds}
    assert periods("short") == {short_seconds}
    assert {w["Threshold"] for w in windows.values()} == {percent}
    assert " AND " in text(composites(ephemeral)[f"{BURN}-{burn}"]["AlarmRule"])


def test_s51_s63_topics_are_encrypted_and_only_alarms_of_this_environment_publish(
    ephemeral: Synthesized,
) -> None:
    topics = ephemeral.all("AWS::SNS::Topic")
    policies = {
        p["Topics"][0]["Ref"]: text(p) for p in ephemeral.properties("AWS::SNS::TopicPolicy")
    }

    assert policies.keys() == topics.keys()
    for logical_id, properties in topics.items():
        policy = policies[logical_id]
        assert "EncryptionKey" in text(properties["Properties"]["KmsMasterKeyId"])
        assert '"aws:SecureTransport": "false"' in policy
        assert '"Service": "cloudwatch.amazonaws.com"' in policy
        assert ':alarm:*-dev"' in policy


def test_s51_alarms_and_pages_are_sent_to_the_configured_address(
    ephemeral: Synthesized, named: Synthesized
) -> None:
    subscriptions = named.properties("AWS::SNS::Subscription")

    assert ephemeral.all("AWS::SNS::Subscription") == {}
    assert [(s["Protocol"], s["Endpoint"]) for s in subscriptions] == [
        ("email", "ops@example.com")
    ] * 2
    assert [s["TopicArn"] for s in subscriptions] == [
        topic(named, "transaction-alarms"),
        topic(named, "transaction-pages"),
    ]


def test_alarms_of_a_branch_are_sent_to_the_hubs_topic_only() -> None:
    """An address confirms once for all branches, and a branch's deletion leaves the topic alone."""
    branch = Synthesized.environment(OF_THE_HUB)
    for kind in ("Topic", "TopicPolicy", "Subscription"):
        assert branch.all(f"AWS::SNS::{kind}") == {}
    sent = {
        text(action)
        for alarm in (*alarms(branch).values(), *composites(branch).values())
        for action in (*alarm.get("AlarmActions", []), *alarm.get("OKActions", []))
    }
    (arn,) = sent
    assert ":branch-notices-hub-0a1b2c" in arn


def test_the_name_of_an_alarm_says_which_environment_it_is_about() -> None:
    """Mails about all branches come from one topic."""
    branch = Synthesized.environment(OF_THE_HUB)
    for kind, name in (
        ("AWS::CloudWatch::Alarm", "AlarmName"),
        ("AWS::CloudWatch::CompositeAlarm", "AlarmName"),
    ):
        assert all(alarm[name].endswith("-dev") for alarm in branch.properties(kind))


def test_s31_a_deployment_that_causes_errors_is_rolled_back(ephemeral: Synthesized) -> None:
    deployment = ephemeral.one("AWS::ECS::Service")["DeploymentConfiguration"]
    alarm, _ = ephemeral.only("AWS::CloudWatch::Alarm", AlarmName="server-errors-dev")
    service, _ = ephemeral.only("AWS::ECS::Service")

    assert deployment["Alarms"] == {
        "AlarmNames": ["server-errors-dev"],
        "Enable": True,
        "Rollback": True,
    }
    assert ephemeral.comes_before(alarm, service)


def test_s52_saved_queries_filter_the_logs_of_the_service_and_its_functions(
    ephemeral: Synthesized,
) -> None:
    service, _ = ephemeral.only("AWS::Logs::LogGroup", LogGroupName="/ecs/transaction-service-dev")
    logs = {f["LoggingConfig"]["LogGroup"]["Ref"] for f in client_functions(ephemeral).values()}

    for query in ephemeral.properties("AWS::Logs::QueryDefinition"):
        assert {group["Ref"] for group in query["LogGroupNames"]} == {service, *logs}
        assert "filter" in query["QueryString"]


def test_s52_saved_queries_find_levels_by_the_names_that_every_program_writes(
    ephemeral: Synthesized,
) -> None:
    errors = ephemeral.one("AWS::Logs::QueryDefinition", Name="transaction-errors-dev")
    (asked,) = re.findall(r"level in \[(.*?)\]", errors["QueryString"])
    formats = (LambdaLines(), JsonLines())  # of functions, and of the service
    written = {
        json.loads(lines.format(logging.makeLogRecord({"levelno": n, "levelname": name})))["level"]
        for lines in formats
        for name, n in logging.getLevelNamesMapping().items()
        if name == logging.getLevelName(n) and n >= logging.WARNING
    }

    assert set(asked.replace("'", "").split(", ")) == written
