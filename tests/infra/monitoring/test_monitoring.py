"""S50, S51: what calls an operator, and what one looks at."""

import re
from typing import Any

import pytest

from app_service.ledger.totals import Totals
from tests.infra.context import REPOSITORY
from tests.infra.templates import Synthesized, text

RUNBOOKS = REPOSITORY / "docs" / "runbooks"
BURN = "error-budget-burn"


def alarms(stack: Synthesized) -> dict[str, dict[str, Any]]:
    return {
        p["AlarmName"].removesuffix("-dev"): p for p in stack.properties("AWS::CloudWatch::Alarm")
    }


def composites(stack: Synthesized) -> dict[str, dict[str, Any]]:
    return {
        p["AlarmName"].removesuffix("-dev"): p
        for p in stack.properties("AWS::CloudWatch::CompositeAlarm")
    }


def members(stack: Synthesized, composite: str) -> set[str]:
    """The names of the alarms in a composite's rule."""
    rule = text(composites(stack)[composite]["AlarmRule"])
    return {
        stack.resources[logical_id]["Properties"]["AlarmName"].removesuffix("-dev")
        for logical_id in re.findall(r'"Fn::GetAtt": \["(\w+)", "Arn"\]', rule)
    }


def topic(stack: Synthesized, name: str) -> dict[str, str]:
    return {"Ref": stack.only("AWS::SNS::Topic", TopicName=f"{name}-dev")[0]}


def test_s51_there_is_an_alarm_for_all_that_was_asked_for(ephemeral: Synthesized) -> None:
    assert {name for name in alarms(ephemeral) if not name.startswith(BURN)} == {
        "database-cpu",
        "database-capacity",
        "database-connections",
        "unhealthy-hosts",
        "too-few-tasks",
        "transaction-processor-errors",
        "transaction-processor-throttles",
        "audit-writer-errors",
        "audit-writer-throttles",
        "transaction-queue-age",
        "audit-queue-age",
        "transaction-dead-letters",
        "audit-dead-letters",
        "breaker-open",
        "outbox-age",
        "server-errors",
        "latency",
        "sessions-throttled",
    }


def test_s51_every_alarm_tells_why_and_what_to_do(ephemeral: Synthesized) -> None:
    for name, alarm in (alarms(ephemeral) | composites(ephemeral)).items():
        reason, _, runbook = alarm["AlarmDescription"].partition(". Runbook: ")
        page = (REPOSITORY / runbook).read_text()
        assert reason, name
        for part in ("**What it means.**", "**Look at.**", "**Do.**"):
            assert part in page, (name, part)


def test_s51_every_runbook_is_of_an_alarm(ephemeral: Synthesized) -> None:
    told = text([a["AlarmDescription"] for a in alarms(ephemeral).values()])
    told += text([a["AlarmDescription"] for a in composites(ephemeral).values()])

    assert [p.name for p in RUNBOOKS.glob("*.md") if f"docs/runbooks/{p.name}" not in told] == []


def periods(alarm: dict[str, Any]) -> set[int]:
    """The seconds of every metric that the alarm computes with."""
    own = {alarm["Period"]} if "Period" in alarm else set()
    return own | {m["MetricStat"]["Period"] for m in alarm.get("Metrics", []) if "MetricStat" in m}


def test_s51_an_alarm_calls_within_two_minutes(ephemeral: Synthesized) -> None:
    for name, alarm in alarms(ephemeral).items():
        if name.startswith(BURN):
            continue
        (period,) = periods(alarm)
        assert period * alarm["EvaluationPeriods"] <= 120, name
        assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]


def test_s51_every_alarm_goes_to_the_topic(ephemeral: Synthesized) -> None:
    """The windows of a burn rate by the alarm that joins the two."""
    told = {
        name
        for name, alarm in (alarms(ephemeral) | composites(ephemeral)).items()
        if alarm.get("AlarmActions") == alarm.get("OKActions")
        and topic(ephemeral, "transaction-alarms") in alarm.get("AlarmActions", [])
    }
    windows = {w for c in composites(ephemeral) if c != "page" for w in members(ephemeral, c)}

    assert told | windows | {"page"} == set(alarms(ephemeral) | composites(ephemeral))
    assert told & windows == set()


def test_s51_one_alarm_pages_and_it_is_made_of_those_that_matter(ephemeral: Synthesized) -> None:
    paging = [
        name
        for name, alarm in (alarms(ephemeral) | composites(ephemeral)).items()
        if topic(ephemeral, "transaction-pages") in alarm.get("AlarmActions", [])
    ]

    assert paging == ["page"]
    assert members(ephemeral, "page") == {
        "error-budget-burn-fast",
        "error-budget-burn-slow",
        "too-few-tasks",
        "breaker-open",
        "outbox-age",
        "transaction-queue-age",
        "audit-queue-age",
    }
    assert " OR " in text(composites(ephemeral)["page"]["AlarmRule"])


@pytest.mark.parametrize(
    ("burn", "long_seconds", "short_seconds", "percent"),
    [("fast", 3600, 300, 1.44), ("slow", 21600, 1800, 0.6)],
)
def test_s51_the_error_budget_burns_when_a_long_and_a_short_window_say_so(
    ephemeral: Synthesized, burn: str, long_seconds: int, short_seconds: int, percent: float
) -> None:
    """14.4 and 6 times the 0.1 % that the objective of 99.9 % leaves."""
    windows = {name: alarms(ephemeral)[name] for name in members(ephemeral, f"{BURN}-{burn}")}

    assert windows.keys() == {f"{BURN}-{burn}-long", f"{BURN}-{burn}-short"}
    assert periods(windows[f"{BURN}-{burn}-long"]) == {long_seconds}
    assert periods(windows[f"{BURN}-{burn}-short"]) == {short_seconds}
    assert {w["Threshold"] for w in windows.values()} == {percent}
    assert " AND " in text(composites(ephemeral)[f"{BURN}-{burn}"]["AlarmRule"])


def test_s51_no_traffic_is_no_error_and_no_task_is_no_silence(ephemeral: Synthesized) -> None:
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


SERVICE, PROCESSOR = "/ecs/transaction-service-dev", "/aws/lambda/transaction-processor-dev"


def log_metrics(stack: Synthesized) -> dict[str, set[tuple[str, str]]]:
    """{metric: {(log group, field)}} of all that CloudWatch reads from log lines."""
    found: dict[str, set[tuple[str, str]]] = {}
    for f in stack.properties("AWS::Logs::MetricFilter"):
        (transformation,) = f["MetricTransformations"]
        field = transformation["MetricValue"].removeprefix("$.")
        group = stack.resources[f["LogGroupName"]["Ref"]]["Properties"]["LogGroupName"]
        assert f["FilterPattern"] == f"{{ $.{field} >= 0 }}"
        assert transformation["MetricNamespace"] == "transaction-metrics-dev"
        assert "Dimensions" not in transformation, "each value of one would be a metric to pay"
        found.setdefault(transformation["MetricName"], set()).add((group, field))
    return found


def test_s50_business_metrics_are_fields_of_lines_that_are_written(ephemeral: Synthesized) -> None:
    """Of the service's totals, of the processor's batches, and of the breaker."""
    outcomes = {field for field in totals_fields() if field.startswith("transactions_")}
    read = {source for sources in log_metrics(ephemeral).values() for source in sources}

    assert read == {
        *((SERVICE, field) for field in totals_fields()),
        *((PROCESSOR, field) for field in outcomes),
        (PROCESSOR, "breaker_open"),
    }


def totals_fields() -> set[str]:
    """What a line of the service's totals holds, when something was answered."""
    totals = Totals()
    totals.answered([], 0.1)
    return {*totals.take(), "outbox_batches", "outbox_oldest_seconds"}


@pytest.mark.parametrize(
    ("name", "source", "threshold"),
    [
        ("breaker-open", (PROCESSOR, "breaker_open"), 1),
        ("outbox-age", (SERVICE, "outbox_oldest_seconds"), 60),
    ],
)
def test_s42_s51_an_alarm_on_a_log_line_looks_at_its_worst_value_of_a_minute(
    ephemeral: Synthesized, name: str, source: tuple[str, str], threshold: int
) -> None:
    alarm = alarms(ephemeral)[name]

    assert log_metrics(ephemeral)[alarm["MetricName"]] == {source}
    assert alarm["Namespace"] == "transaction-metrics-dev"
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", threshold)


def test_s50_the_business_is_on_the_dashboard(ephemeral: Synthesized) -> None:
    body = text(ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardBody"])

    assert all(f'\\"{metric}\\"' in body for metric in log_metrics(ephemeral))


@pytest.mark.parametrize("kind", ["transaction", "audit"])
def test_s51_dead_letters_are_those_of_the_dead_letter_queue(
    ephemeral: Synthesized, kind: str
) -> None:
    queue, _ = ephemeral.only("AWS::SQS::Queue", QueueName=f"{kind}-dead-letters-dev")
    alarm = alarms(ephemeral)[f"{kind}-dead-letters"]

    assert alarm["Dimensions"] == [
        {"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}
    ]
    assert alarm["Threshold"] == 1


def test_s51_s63_alarms_travel_encrypted_and_come_from_this_environment(
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


def test_s51_a_person_is_told_of_alarms_where_an_address_is_given(
    ephemeral: Synthesized, named: Synthesized
) -> None:
    told = named.properties("AWS::SNS::Subscription")

    assert ephemeral.all("AWS::SNS::Subscription") == {}
    assert [(s["Protocol"], s["Endpoint"]) for s in told] == [("email", "ops@example.com")] * 2
    assert [s["TopicArn"] for s in told] == [
        topic(named, "transaction-alarms"),
        topic(named, "transaction-pages"),
    ]


def test_s31_a_deployment_that_causes_errors_is_taken_back(ephemeral: Synthesized) -> None:
    deployment = ephemeral.one("AWS::ECS::Service")["DeploymentConfiguration"]
    alarm, _ = ephemeral.only("AWS::CloudWatch::Alarm", AlarmName="server-errors-dev")
    service, _ = ephemeral.only("AWS::ECS::Service")

    assert deployment["Alarms"] == {
        "AlarmNames": ["server-errors-dev"],
        "Enable": True,
        "Rollback": True,
    }
    assert ephemeral.comes_before(alarm, service)


READING_ORDER = [
    "Alarms",
    "Clients: requests",
    "Business: ",
    "Service: tasks",
    "Database: CPU",
    "Queue transaction",
    "Function transaction-processor",
    "Sessions: DynamoDB",
    "Network: bytes out",
]


def test_s50_the_dashboard_reads_from_the_alarms_to_the_network(ephemeral: Synthesized) -> None:
    body = text(ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    positions = [body.index(title) for title in READING_ORDER]

    assert positions == sorted(positions)


@pytest.mark.parametrize(
    "namespace",
    ["ApplicationELB", "ECS", "RDS", "DynamoDB", "SQS", "Lambda", "S3", "NATGateway"],
)
def test_s50_every_service_is_on_the_dashboard(every: Synthesized, namespace: str) -> None:
    body = text(every.one("AWS::CloudWatch::Dashboard")["DashboardBody"])

    assert f"AWS/{namespace}" in body


def test_s50_every_alarm_is_on_top(ephemeral: Synthesized) -> None:
    body = text(ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    windows = {w for c in composites(ephemeral) if c != "page" for w in members(ephemeral, c)}
    shown = body[: body.index("Clients: requests")]
    for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        for logical_id, r in ephemeral.all(kind).items():
            if r["Properties"]["AlarmName"].removesuffix("-dev") not in windows:
                assert logical_id in shown


def test_s50_each_nat_gateway_is_shown(production: Synthesized) -> None:
    body = text(production.one("AWS::CloudWatch::Dashboard")["DashboardBody"])

    assert all(gateway in body for gateway in production.all("AWS::EC2::NatGateway"))


def test_s50_the_dashboard_is_found_by_its_url(ephemeral: Synthesized) -> None:
    name = ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardName"]

    assert name == "transaction-dashboard-dev"
    assert text(ephemeral.json["Outputs"]["DashboardUrl"]).endswith(f'/{name}"]]}}}}')


def test_s52_what_one_asks_the_logs_first_is_saved(ephemeral: Synthesized) -> None:
    groups = {
        ephemeral.only("AWS::Logs::LogGroup", LogGroupName=name)[0]
        for name in (
            "/ecs/transaction-service-dev",
            "/aws/lambda/transaction-processor-dev",
            "/aws/lambda/audit-writer-dev",
        )
    }
    for query in ephemeral.properties("AWS::Logs::QueryDefinition"):
        assert {g["Ref"] for g in query["LogGroupNames"]} == groups
        assert "filter" in query["QueryString"]
