"""Metrics that CloudWatch reads from log lines, so that no request has to send them."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.naming import EnvironmentSuffix, pascal_case

NAMESPACE: Final = "transaction-metrics"


class LogMetric(Construct):
    """The values of `field` in the JSON lines of all `sources`, as one metric of this environment.

    `sources` are log groups by the name of the program that writes to them. The metric has the name
    of the field, unless it has a `name` of its own.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        sources: Mapping[str, logs.ILogGroup],
        field: str,
        name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._namespace = suffix.physical_name(NAMESPACE)
        self._name = pascal_case(name or field)
        for source, log_group in sources.items():
            logs.MetricFilter(
                self,
                source.title(),
                log_group=log_group,
                filter_name=suffix.physical_name(f"{source}-{field.replace('_', '-')}"),
                filter_pattern=logs.FilterPattern.number_value(f"$.{field}", ">=", 0),
                metric_namespace=self._namespace,
                metric_name=self._name,
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
