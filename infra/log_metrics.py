"""Metrics that are fields of log lines: CloudWatch reads them there, no request pays."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.naming import EnvironmentSuffix

NAMESPACE = "transaction-metrics"


class LogMetric(Construct):
    """The values of `field` in the JSON lines of `log_group`, as a metric of this environment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        log_group: logs.ILogGroup,
        name: str,
        field: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._namespace = suffix.physical_name(NAMESPACE)
        self._name = name
        logs.MetricFilter(
            self,
            "Filter",
            log_group=log_group,
            filter_name=suffix.physical_name(field.replace("_", "-").replace(".", "-")),
            filter_pattern=logs.FilterPattern.number_value(f"$.{field}", ">=", 0),
            metric_namespace=self._namespace,
            metric_name=name,
            metric_value=f"$.{field}",
        )

    def metric(self, *, statistic: str, label: str | None = None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=self._name,
            period=Duration.minutes(1),
            statistic=statistic,
            label=label,
        )
