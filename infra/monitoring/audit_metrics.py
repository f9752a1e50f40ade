"""Metrics of the verification of the audit trail, from its log lines."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.monitoring.log_metrics import NAMESPACE, LogMetric
from infra.naming import EnvironmentSuffix
from lambda_src.audit_verifier.settings import VERIFIED

_FINISHED: Final = "AuditVerified"


class AuditMetrics(Construct):
    """`discrepancies` of each verification, and `finished`, the number of those that finished.

    `finished` has values as long as the service runs: 0 with each line of its totals. So an alarm
    can tell "no verification finished" from "the environment is new".
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        service: logs.ILogGroup,
        verifier: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        self._namespace = suffix.physical_name(NAMESPACE)

        self.discrepancies = LogMetric(
            self,
            "Discrepancies",
            suffix=suffix,
            sources={"verifier": verifier},
            field="discrepancies",
        )
        patterns = logs.FilterPattern
        for name, group, pattern, value in (
            ("verifier", verifier, patterns.string_value("$.message", "=", VERIFIED), "1"),
            ("service", service, patterns.number_value("$.outbox_batches", ">=", 0), "0"),
        ):
            logs.MetricFilter(
                self,
                name.title(),
                log_group=group,
                filter_name=suffix.physical_name(f"{name}-audit-verified"),
                filter_pattern=pattern,
                metric_namespace=self._namespace,
                metric_name=_FINISHED,
                metric_value=value,
            )

    def finished(self, *, label: str | None = None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=_FINISHED,
            period=Duration.minutes(1),
            statistic="sum",
            label=label,
        )
