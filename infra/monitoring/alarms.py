"""When to call an operator, and why: every alarm of an environment, as values."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2

from infra.monitoring.monitored_resources import MonitoredResources

_MINUTE: Final = Duration.minutes(1)
# Of max_connections at 4 capacity units, which Aurora says is 823.
CONNECTIONS_MANY: Final = 650
QUEUE_AGE_SECONDS: Final = 300
OUTBOX_AGE_SECONDS: Final = 60  # twice the longest pause of a relay that fails
# 99.9 % of requests are answered without a server error: this share may fail, in percent.
BUDGET_PERCENT: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class AlarmRule:
    """One condition. `runbook` is a file in docs/runbooks; `pages` wakes a person up."""

    name: str
    reason: str
    runbook: str
    metric: cloudwatch.IMetric
    threshold: float
    is_below: bool = False  # alarm below the threshold instead of at or above it
    is_missing_bad: bool = False
    minutes: int = 2  # looked at, each with one value
    bad_minutes: int = 1  # of those
    pages: bool = False


@dataclass(frozen=True, kw_only=True)
class BurnRate:
    """How fast the error budget goes: alarm when both windows show it, end when the short one
    recovers."""

    name: str
    reason: str
    factor: float  # 1 spends the budget of 30 days in 30 days
    long: Duration
    short: Duration

    @property
    def threshold_percent(self) -> float:
        return round(self.factor * BUDGET_PERCENT, 6)


# From the SRE workbook: 2 % of a month's budget in an hour, 5 % in six.
BURN_RATES: Final = (
    BurnRate(
        name="error-budget-burn-fast",
        reason="At this rate of errors the month's budget is gone in two days",
        factor=14.4,
        long=Duration.hours(1),
        short=Duration.minutes(5),
    ),
    BurnRate(
        name="error-budget-burn-slow",
        reason="At this rate of errors the month's budget is gone in five days",
        factor=6,
        long=Duration.hours(6),
        short=Duration.minutes(30),
    ),
)


def alarm_rules(monitored: MonitoredResources) -> list[AlarmRule]:
    """All conditions but the burn of the error budget, in the order of the dashboard."""
    return [*_door(monitored), *_database(monitored), *_queues(monitored), *_functions(monitored)]


def error_percent(monitored: MonitoredResources, period: Duration) -> cloudwatch.MathExpression:
    """The share of requests that were answered with a 5xx, of the service or before it."""
    door = monitored.load_balancer.load_balancer.metrics
    return cloudwatch.MathExpression(
        expression="100 * (FILL(target, 0) + FILL(door, 0)) / requests",
        label="requests that failed, %",
        period=period,
        using_metrics={
            "target": door.http_code_target(
                elbv2.HttpCodeTarget.TARGET_5XX_COUNT, period=period, statistic="sum"
            ),
            "door": door.http_code_elb(
                elbv2.HttpCodeElb.ELB_5XX_COUNT, period=period, statistic="sum"
            ),
            "requests": door.request_count(period=period, statistic="sum"),
        },
    )


def _door(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    balancer = monitored.load_balancer
    yield AlarmRule(
        name="server-errors",
        reason="Five of a hundred requests or more are answered with a 5xx",
        runbook="server-errors",
        metric=error_percent(monitored, _MINUTE),
        threshold=5,
        bad_minutes=2,
    )
    yield AlarmRule(
        name="latency",
        reason="One request of a hundred takes a second or longer",
        runbook="latency",
        metric=balancer.load_balancer.metrics.target_response_time(period=_MINUTE, statistic="p99"),
        threshold=1,
        bad_minutes=2,
    )
    yield AlarmRule(
        name="unhealthy-hosts",
        reason="A task fails its health check: it answers nobody",
        runbook="unhealthy-hosts",
        metric=balancer.targets.metrics.unhealthy_host_count(period=_MINUTE, statistic="max"),
        threshold=1,
    )
    yield AlarmRule(
        name="too-few-tasks",
        reason="Fewer tasks run than the service must have: one more loss may be an outage",
        runbook="too-few-tasks",
        # Every running task reports its CPU once a minute: the number of reports is theirs.
        metric=monitored.service.fargate.metric_cpu_utilization(period=_MINUTE, statistic="n"),
        threshold=monitored.service.tasks_min,
        is_below=True,
        is_missing_bad=True,
        bad_minutes=2,
        pages=True,
    )


def _database(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    cluster = monitored.database.cluster
    yield AlarmRule(
        name="database-cpu",
        reason="The database computes at the limit of what it has",
        runbook="database-capacity",
        metric=cluster.metric_cpu_utilization(period=_MINUTE, statistic="max"),
        threshold=80,
        bad_minutes=2,
    )
    yield AlarmRule(
        name="database-capacity",
        reason="The database has grown to nine tenths of the capacity that it may have",
        runbook="database-capacity",
        metric=cluster.metric("ACUUtilization", period=_MINUTE, statistic="max"),
        threshold=90,
        bad_minutes=2,
    )
    yield AlarmRule(
        name="database-connections",
        reason="Connections to the database run short: new ones will be refused",
        runbook="database-connections",
        metric=cluster.metric_database_connections(period=_MINUTE, statistic="max"),
        threshold=CONNECTIONS_MANY,
    )
    yield AlarmRule(
        name="sessions-throttled",
        reason="DynamoDB turns requests for sessions away",
        runbook="sessions-throttled",
        metric=cloudwatch.MathExpression(
            expression="FILL(reads, 0) + FILL(writes, 0)",
            label="throttled requests",
            period=_MINUTE,
            using_metrics={
                "reads": monitored.sessions.table.metric(
                    "ReadThrottleEvents", period=_MINUTE, statistic="sum"
                ),
                "writes": monitored.sessions.table.metric(
                    "WriteThrottleEvents", period=_MINUTE, statistic="sum"
                ),
            },
        ),
        threshold=1,
    )


def _queues(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    yield AlarmRule(
        name="outbox-age",
        reason="A transaction is acknowledged for a minute and not on its way to the audit trail",
        runbook="outbox-age",
        metric=monitored.business.outbox_oldest_seconds.metric(statistic="max"),
        threshold=OUTBOX_AGE_SECONDS,
        bad_minutes=2,
        pages=True,
    )
    yield AlarmRule(
        name="breaker-open",
        reason="The database is out of reach for the queue: its transactions wait, unposted",
        runbook="breaker-open",
        metric=monitored.business.breaker_open.metric(statistic="max"),
        threshold=1,
        bad_minutes=2,  # a failover is over sooner
        pages=True,  # a message that waits so is sent anew, and never grows old in its queue
    )
    for name, queue in monitored.queues:
        yield AlarmRule(
            name=f"{name}-queue-age",
            reason="A message has waited for five minutes: they come faster than they are handled",
            runbook="queue-age",
            metric=queue.queue.metric_approximate_age_of_oldest_message(
                period=_MINUTE, statistic="max"
            ),
            threshold=QUEUE_AGE_SECONDS,
            pages=True,
        )
        yield AlarmRule(
            name=f"{name}-dead-letters",
            reason="A message could not be handled and waits for a person",
            runbook="dead-letters",
            metric=queue.dead_letters.metric_approximate_number_of_messages_visible(
                period=_MINUTE, statistic="max"
            ),
            threshold=1,
        )


def _functions(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    for name, function in monitored.functions:
        yield AlarmRule(
            name=f"{name}-errors",
            reason="The function fails as a whole, not for one message",
            runbook="function-errors",
            metric=function.metric_errors(period=_MINUTE, statistic="sum"),
            threshold=1,
        )
        yield AlarmRule(
            name=f"{name}-throttles",
            reason="Lambda turns calls of the function away: the account is at its concurrency",
            runbook="function-throttles",
            metric=function.metric_throttles(period=_MINUTE, statistic="sum"),
            threshold=1,
        )
