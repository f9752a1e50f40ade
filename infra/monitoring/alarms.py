"""Every alarm of an environment except the burn of the error budget, as values.

To add one, append an `AlarmRule` here, or to `queue_alarms.py` if it is about queues or the audit
trail, and write its runbook, `docs/runbooks/<name>.md`.
"""

from collections.abc import Iterator
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch

from infra.monitoring.alarm_rule import AlarmRule
from infra.monitoring.error_budget import error_percent
from infra.monitoring.monitored_resources import MonitoredResources
from infra.monitoring.queue_alarms import queue_alarm_rules
from infra.web_firewall import ALL_REQUESTS

_DAY_MINUTES: Final = 24 * 60
CONNECTIONS_SHARE: Final = 0.79  # of those that the database allows


def alarm_rules(monitored: MonitoredResources) -> list[AlarmRule]:
    """Return all rules, in the order of the dashboard."""
    return [
        *_service(monitored),
        *_certificate(monitored),
        *_database(monitored),
        *queue_alarm_rules(monitored),
        *_functions(monitored),
    ]


def _service(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    balancer = monitored.load_balancer
    yield AlarmRule(
        name="server-errors",
        reason="At least five percent of the requests are answered with a 5xx",
        metric=error_percent(balancer),
        at_least=5,
        for_minutes=2,
    )
    yield AlarmRule(
        name="latency",
        reason="One percent of the requests take a second or longer",
        metric=balancer.load_balancer.metrics.target_response_time(statistic="p99"),
        at_least=1,
        for_minutes=2,
    )
    if monitored.firewall is not None:
        yield AlarmRule(
            name="refused-clients",
            reason="An address with sessions sends more requests than one customer can need",
            metric=monitored.firewall.refused(rule=ALL_REQUESTS),
            at_least=1,
        )
    yield AlarmRule(
        name="refused-logins",
        reason="Many logins were refused: a client has a wrong credential, or somebody guesses",
        metric=monitored.business.logins_refused.metric(statistic="sum"),
        at_least=100,
        within_minutes=5,
    )
    yield AlarmRule(
        name="unhealthy-hosts",
        reason="A task fails its health check and gets no requests",
        metric=balancer.targets.metrics.unhealthy_host_count(statistic="max"),
        at_least=1,
    )
    yield AlarmRule(
        name="too-few-tasks",
        reason="Fewer tasks run than the service must have: losing one more can be an outage",
        # Every running task reports its CPU once a minute, so the reports count the tasks.
        metric=monitored.service.fargate.metric_cpu_utilization(statistic="n"),
        less_than=monitored.service.tasks_min,
        is_missing_bad=True,
        for_minutes=2,
        pages=True,
    )


def _certificate(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    balancer = monitored.load_balancer
    yield AlarmRule(
        name="certificate-expiry",
        reason="The certificate of the API ends in less than 15 days and was not renewed",
        # ACM reports it twice a day, also for certificates that it did not issue.
        metric=cloudwatch.Metric(
            namespace="AWS/CertificateManager",
            metric_name="DaysToExpiry",
            dimensions_map={"CertificateArn": balancer.certificate_arn},
            statistic="min",
        ),
        less_than=15,  # half of the time in which the environment renews its own
        within_minutes=_DAY_MINUTES,
    )
    if balancer.certificate_creator is not None:
        yield AlarmRule(
            name="environment-certificate-errors",
            reason="The certificate of the API could not be renewed, or its authority ends soon",
            runbook="certificate-expiry",
            metric=balancer.certificate_creator.function.metric_errors(statistic="sum"),
            at_least=1,
            # It is called once a day, and Lambda repeats a failed call within some minutes.
            within_minutes=_DAY_MINUTES,
        )


def _database(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    database, sessions = monitored.database, monitored.sessions.table
    yield AlarmRule(
        name="database-cpu",
        reason="The database uses most of its CPU",
        runbook="database-capacity",
        metric=database.cluster.metric_cpu_utilization(statistic="max"),
        at_least=80,
        for_minutes=2,
    )
    yield AlarmRule(
        name="database-capacity",
        reason="The database uses nine tenths of its maximum capacity",
        metric=database.cluster.metric("ACUUtilization", statistic="max"),
        at_least=90,
        for_minutes=2,
    )
    yield AlarmRule(
        name="database-connections",
        reason="The database is running out of connections and will refuse new ones",
        metric=database.cluster.metric_database_connections(statistic="max"),
        at_least=int(CONNECTIONS_SHARE * database.connections_max),
    )
    yield AlarmRule(
        name="sessions-throttled",
        reason="DynamoDB throttles requests to the table of sessions or of clients",
        metric=cloudwatch.MathExpression(
            expression="FILL(reads, 0) + FILL(writes, 0) + FILL(clients, 0)",
            label="throttled requests",
            using_metrics={
                "reads": sessions.metric("ReadThrottleEvents", statistic="sum"),
                "writes": sessions.metric("WriteThrottleEvents", statistic="sum"),
                "clients": monitored.api_clients.table.metric(
                    "ReadThrottleEvents", statistic="sum"
                ),
            },
        ),
        at_least=1,
    )


def _functions(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    for function in monitored.functions:
        yield AlarmRule(
            name=f"{function.name}-errors",
            reason="A call of the function failed as a whole, not for a single message",
            runbook="function-errors",
            metric=function.function.metric_errors(statistic="sum"),
            at_least=1,
        )
        yield AlarmRule(
            name=f"{function.name}-throttles",
            reason="Lambda throttles the function: the account's concurrency is used up",
            runbook="function-throttles",
            metric=function.function.metric_throttles(statistic="sum"),
            at_least=1,
        )
