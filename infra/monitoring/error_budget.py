"""Burn of the error budget: 99.9 % of requests must be answered without a server error."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from infra.load_balancer import LoadBalancer
from infra.monitoring.alarm_rule import description
from infra.naming import EnvironmentSuffix, pascal_case

BUDGET_PERCENT: Final = 0.1  # of the requests may fail
RUNBOOK: Final = "error-budget-burn"


@dataclass(frozen=True, kw_only=True)
class BurnRate:
    """How fast the budget is spent. The alarm starts when both windows exceed the rate, and ends
    when the short window recovers."""

    name: str
    reason: str
    factor: float  # 1 spends the budget of 30 days in 30 days
    long: Duration
    short: Duration

    def windows(
        self, scope: Construct, *, suffix: EnvironmentSuffix, load_balancer: LoadBalancer
    ) -> list[cloudwatch.Alarm]:
        """Create one alarm for each window. The long one alone would last an hour too long."""
        return [
            cloudwatch.Alarm(
                scope,
                pascal_case(f"{self.name}-{window}"),
                alarm_name=suffix.physical_name(f"{self.name}-{window}"),
                alarm_description=description(self.reason, RUNBOOK),
                metric=error_percent(load_balancer, period),
                threshold=round(self.factor * BUDGET_PERCENT, 6),
                comparison_operator=(
                    cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
                ),
                evaluation_periods=1,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            for window, period in (("long", self.long), ("short", self.short))
        ]


# From Google's SRE workbook: 2 % of a month's budget in one hour, 5 % in six hours.
BURN_RATES: Final = (
    BurnRate(
        name="error-budget-burn-fast",
        reason="At this error rate, the month's error budget is spent in two days",
        factor=14.4,
        long=Duration.hours(1),
        short=Duration.minutes(5),
    ),
    BurnRate(
        name="error-budget-burn-slow",
        reason="At this error rate, the month's error budget is spent in five days",
        factor=6,
        long=Duration.hours(6),
        short=Duration.minutes(30),
    ),
)


def error_percent(
    load_balancer: LoadBalancer, period: Duration | None = None
) -> cloudwatch.MathExpression:
    """The share of requests that got a 5xx, from the service or from the load balancer itself."""
    metrics = load_balancer.load_balancer.metrics
    return cloudwatch.MathExpression(
        expression="100 * (FILL(target, 0) + FILL(door, 0)) / requests",
        label="requests that failed, %",
        period=period,
        using_metrics={
            "target": metrics.http_code_target(
                elbv2.HttpCodeTarget.TARGET_5XX_COUNT, statistic="sum"
            ),
            "door": metrics.http_code_elb(elbv2.HttpCodeElb.ELB_5XX_COUNT, statistic="sum"),
            "requests": metrics.request_count(statistic="sum"),
        },
    )
