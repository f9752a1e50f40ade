"""S50: metrics that CloudWatch reads from log lines."""

import pytest

from app_service.totals import Totals
from tests.infra.monitoring.alarm_templates import alarms
from tests.infra.templates import Synthesized, text

SERVICE, PROCESSOR = "/ecs/transaction-service-dev", "/aws/lambda/transaction-processor-dev"
WRITER = "/aws/lambda/audit-writer-dev"
VERIFIER = "/aws/lambda/audit-verifier-dev"


def log_metrics(stack: Synthesized) -> dict[str, set[tuple[str, str]]]:
    """{metric: {(log group, field)}} of every metric filter that reads a field."""
    found: dict[str, set[tuple[str, str]]] = {}
    for f in stack.properties("AWS::Logs::MetricFilter"):
        (transformation,) = f["MetricTransformations"]
        if not transformation["MetricValue"].startswith("$."):
            continue  # it counts lines: tests/infra/monitoring/test_audit_metrics.py
        field = transformation["MetricValue"].removeprefix("$.")
        group = stack.resources[f["LogGroupName"]["Ref"]]["Properties"]["LogGroupName"]
        assert f["FilterPattern"] == f"{{ $.{field} >= 0 }}"
        assert transformation["MetricNamespace"] == "transaction-metrics-dev"
        assert "Dimensions" not in transformation, (
            "each value of a dimension is a metric that costs"
        )
        found.setdefault(transformation["MetricName"], set()).add((group, field))
    return found


def test_s50_every_business_metric_is_a_field_that_a_program_logs(ephemeral: Synthesized) -> None:
    """The service logs totals, the processor its batches and the breaker, the audit writer what
    differs."""
    outcomes = {field for field in totals_fields() if field.startswith("transactions_")}
    read = {source for sources in log_metrics(ephemeral).values() for source in sources}

    assert read == {
        *((SERVICE, field) for field in totals_fields()),
        *((PROCESSOR, field) for field in outcomes),
        (PROCESSOR, "breaker_open"),
        (PROCESSOR, "wrong_setup"),
        (WRITER, "breaker_open"),
        (WRITER, "altered"),
        (VERIFIER, "discrepancies"),
        (PROCESSOR, "outcomes_not_sent"),
    }


def totals_fields() -> set[str]:
    """The fields of the service's log line `totals` after a request."""
    totals = Totals()
    totals.answered([], 0.1)
    return {*totals.take(), "outbox_batches", "outbox_oldest_seconds", "outbox_set_aside"}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("audit-altered", (WRITER, "altered")),
        ("audit-discrepancies", (VERIFIER, "discrepancies")),
        ("breaker-open", (PROCESSOR, "breaker_open")),
        ("audit-breaker-open", (WRITER, "breaker_open")),
        ("outbox-age", (SERVICE, "outbox_oldest_seconds")),
        ("outbox-set-aside", (SERVICE, "outbox_set_aside")),
    ],
)
def test_s42_s51_an_alarm_on_a_logged_field_takes_the_largest_value(
    ephemeral: Synthesized, name: str, source: tuple[str, str]
) -> None:
    alarm = alarms(ephemeral)[name]

    assert log_metrics(ephemeral)[alarm["MetricName"]] == {source}
    assert alarm["Namespace"] == "transaction-metrics-dev"
    assert alarm["Statistic"] == "Maximum"


def test_s50_every_business_metric_is_on_the_dashboard(ephemeral: Synthesized) -> None:
    body = text(ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardBody"])

    assert all(f'\\"{metric}\\"' in body for metric in log_metrics(ephemeral))


def test_s42_a_wrong_grant_is_an_alarm_that_pages(ephemeral: Synthesized) -> None:
    """Also if it concerns one kind of transaction only, and the breaker stays closed."""
    alarm = alarms(ephemeral)["wrong-setup"]

    assert log_metrics(ephemeral)[alarm["MetricName"]] == {(PROCESSOR, "wrong_setup")}
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)


def test_outcomes_that_the_bus_does_not_take_are_an_alarm(ephemeral: Synthesized) -> None:
    """A message whose outcome waits comes again within 15 minutes, and is reported again."""
    alarm = alarms(ephemeral)["outcomes-not-sent"]

    assert log_metrics(ephemeral)[alarm["MetricName"]] == {(PROCESSOR, "outcomes_not_sent")}
    assert alarm["Statistic"] == "Sum"
    assert alarm["Period"] > 15 * 60


def test_many_refused_logins_are_an_alarm(ephemeral: Synthesized) -> None:
    alarm = alarms(ephemeral)["refused-logins"]

    assert log_metrics(ephemeral)[alarm["MetricName"]] == {(SERVICE, "logins_refused")}
    assert (alarm["Statistic"], alarm["Period"]) == ("Sum", 300)
