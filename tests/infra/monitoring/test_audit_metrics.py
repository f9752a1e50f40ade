"""B10: an hour without a verification is seen, and a new environment is no alarm."""

from typing import Any

from lambda_src.audit_verifier.settings import VERIFIED
from tests.infra.monitoring.alarm_templates import alarms
from tests.infra.templates import Synthesized, text

SERVICE, VERIFIER = "/ecs/transaction-service-dev", "/aws/lambda/audit-verifier-dev"


def counted(stack: Synthesized, metric: str) -> set[tuple[str, str, str]]:
    """(log group, pattern, value) of each metric filter of `metric`."""
    return {
        (
            stack.resources[f["LogGroupName"]["Ref"]]["Properties"]["LogGroupName"],
            f["FilterPattern"],
            transformation["MetricValue"],
        )
        for f in stack.properties("AWS::Logs::MetricFilter")
        for transformation in f["MetricTransformations"]
        if transformation["MetricName"] == metric
    }


def not_verified(stack: Synthesized) -> dict[str, Any]:
    return alarms(stack)["audit-not-verified"]


def test_b10_a_verification_counts_one_and_a_running_service_nothing(
    ephemeral: Synthesized,
) -> None:
    assert counted(ephemeral, not_verified(ephemeral)["MetricName"]) == {
        (VERIFIER, f'{{ $.message = "{VERIFIED}" }}', "1"),
        (SERVICE, "{ $.outbox_batches >= 0 }", "0"),
    }


def test_b10_three_hours_without_a_verification_are_an_alarm(ephemeral: Synthesized) -> None:
    """Before the service runs there are no values, and that is no alarm."""
    alarm = not_verified(ephemeral)

    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    periods = alarm["EvaluationPeriods"]
    assert periods == alarm["DatapointsToAlarm"]
    assert periods * alarm["Period"] == 3 * 3600
    assert alarm["TreatMissingData"] == "notBreaching"


def test_b10_the_verification_is_called_in_every_hour(every: Synthesized) -> None:
    (rule,) = (
        r for r in every.properties("AWS::Events::Rule") if "verification" in text(r["Name"])
    )

    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")
    (target,) = rule["Targets"]
    assert "AuditVerifier" in text(target["Arn"])
    assert target["Input"] == '{"scheduled":true}'


def test_b10_verifications_are_on_the_dashboard(ephemeral: Synthesized) -> None:
    body = text(ephemeral.one("AWS::CloudWatch::Dashboard")["DashboardBody"])

    assert f'\\"{not_verified(ephemeral)["MetricName"]}\\"' in body
