"""The rows of the dashboard, in the order in which an operator reads them in an incident."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2

from infra.monitoring.alarm_rule import Metric
from infra.monitoring.error_budget import error_percent
from infra.monitoring.monitored_resources import MonitoredResources
from infra.web_firewall import ALL_REQUESTS, WITHOUT_SESSION


def rows(
    monitored: MonitoredResources, alarms: list[cloudwatch.IAlarm]
) -> list[list[cloudwatch.IWidget]]:
    """Alarms, what clients see, the path of a transaction in its order, stores and network."""
    return [
        [cloudwatch.AlarmStatusWidget(alarms=alarms, width=24, height=5, title="Alarms")],
        _clients(monitored),
        _business(monitored),
        _service(monitored),
        _database(monitored),
        _queues(monitored),
        _functions(monitored),
        _stores(monitored),
        _network(monitored),
    ]


def _clients(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    metrics = monitored.load_balancer.load_balancer.metrics
    return [
        _graph("Clients: requests", metrics.request_count()),
        _graph("Clients: requests that failed, %", error_percent(monitored.load_balancer)),
        _graph(
            "Clients: response time, s",
            *(
                metrics.target_response_time(statistic=statistic, label=statistic)
                for statistic in ("p50", "p99")
            ),
        ),
        *(
            _graph(
                "Clients: requests refused by the rate limits",
                *(
                    firewall.refused(rule=rule).with_(label=rule)
                    for rule in (WITHOUT_SESSION, ALL_REQUESTS)
                ),
            )
            for firewall in (monitored.firewall,)
            if firewall is not None
        ),
        _graph(
            "Clients: refused logins", monitored.business.logins_refused.metric(statistic="sum")
        ),
    ]


def _business(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    transactions, audit = monitored.transactions.queue, monitored.audit.queue
    business = monitored.business
    return [
        _graph(
            "Business: transactions by result",
            *(
                metric.metric(statistic="sum", label=outcome)
                for outcome, metric in business.outcomes.items()
            ),
        ),
        _graph(
            "Business: time of a posting, ms",
            business.posting_ms_mean.metric(statistic="avg", label="mean"),
            business.posting_ms_max.metric(statistic="max", label="longest"),
        ),
        _graph(
            "Business: acknowledged, not yet sent to the audit trail",
            business.outbox_batches.metric(statistic="max", label="batches"),
            business.outbox_oldest_seconds.metric(statistic="max", label="oldest, s"),
            business.outbox_set_aside.metric(statistic="max", label="set aside"),
        ),
        _graph(
            "Business: queued transactions, submitted and handled",
            transactions.metric_number_of_messages_sent(label="submitted"),
            transactions.metric_number_of_messages_deleted(label="handled"),
        ),
        _graph(
            "Business: posted batches, sent to the audit trail and stored",
            audit.metric_number_of_messages_sent(label="sent"),
            audit.metric_number_of_messages_deleted(label="stored"),
        ),
        _graph(
            "Business: audit trail, verified",
            monitored.trail.finished(label="verifications"),
            monitored.trail.discrepancies.metric(statistic="max", label="discrepancies"),
            minutes=60,
        ),
        _graph(
            "Business: dead letters",
            *(
                queue.dead_letters.metric_approximate_number_of_messages_visible(
                    statistic="max", label=queue.name
                )
                for queue in monitored.queues
            ),
            business.altered.metric(statistic="max", label="audit, other than stored"),
        ),
    ]


def _service(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    fargate, targets = monitored.service.fargate, monitored.load_balancer.targets.metrics
    return [
        _graph(
            "Service: tasks",
            fargate.metric_cpu_utilization(statistic="n", label="running"),
            targets.unhealthy_host_count(statistic="max", label="unhealthy"),
        ),
        _graph("Service: CPU, %", fargate.metric_cpu_utilization()),
        _graph("Service: memory, %", fargate.metric_memory_utilization()),
    ]


def _database(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    cluster = monitored.database.cluster
    return [
        _graph(
            "Database: CPU and capacity in use, %",
            cluster.metric_cpu_utilization(statistic="max"),
            cluster.metric("ACUUtilization", statistic="max"),
        ),
        _graph("Database: connections", cluster.metric_database_connections()),
        _graph(
            "Database: commit latency, ms, and deadlocks",
            cluster.metric("CommitLatency"),
            cluster.metric("Deadlocks", statistic="sum"),
        ),
    ]


def _queues(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    transactions = monitored.transactions.queue
    return [
        *(
            _graph(
                f"Queue {queue.name}: waiting, and age of the oldest, s",
                queue.queue.metric_approximate_number_of_messages_visible(statistic="max"),
                queue.queue.metric_approximate_age_of_oldest_message(statistic="max"),
            )
            for queue in monitored.queues
        ),
        _graph(
            "Queue transaction: put back, breaker open, wrong setup, outcomes",
            transactions.metric_approximate_number_of_messages_delayed(statistic="max"),
            monitored.business.breaker_open.metric(statistic="max", label="breaker open"),
            monitored.business.wrong_setup.metric(statistic="sum", label="wrong setup"),
            monitored.business.outcomes_not_sent.metric(statistic="sum", label="outcomes waiting"),
        ),
        _graph(
            "Queue audit: put back, breaker open",
            monitored.audit.queue.metric_approximate_number_of_messages_delayed(statistic="max"),
            monitored.business.audit_breaker_open.metric(statistic="max", label="breaker open"),
        ),
    ]


def _functions(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    return [
        _graph(
            f"Function {function.name}: calls, errors, throttles",
            function.function.metric_invocations(),
            function.function.metric_errors(),
            function.function.metric_throttles(),
        )
        for function in monitored.functions
    ]


def _stores(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    table, bucket = monitored.sessions.table, monitored.audit_store.bucket
    clients = monitored.api_clients.table
    return [
        _graph(
            "Sessions and clients: DynamoDB units",
            table.metric_consumed_read_capacity_units(label="sessions, read"),
            table.metric_consumed_write_capacity_units(label="sessions, written"),
            clients.metric_consumed_read_capacity_units(label="clients, read"),
        ),
        _graph(
            "Audit trail: objects in S3, once a day",
            cloudwatch.Metric(
                namespace="AWS/S3",
                metric_name="NumberOfObjects",
                dimensions_map={
                    "BucketName": bucket.bucket_name,
                    "StorageType": "AllStorageTypes",
                },
            ),
            minutes=24 * 60,
        ),
    ]


def _network(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    gateways = [
        node.ref for node in monitored.vpc.node.find_all() if isinstance(node, ec2.CfnNatGateway)
    ]
    return [
        _graph(
            title,
            *(
                cloudwatch.Metric(
                    namespace="AWS/NATGateway",
                    metric_name=metric,
                    dimensions_map={"NatGatewayId": gateway},
                    statistic="sum",
                    label=f"NAT gateway {index}",
                )
                for index, gateway in enumerate(gateways, start=1)
            ),
        )
        for title, metric in (
            ("Network: bytes out through NAT", "BytesOutToDestination"),
            ("Network: connections that NAT refused", "ErrorPortAllocation"),
        )
    ]


def _graph(title: str, *metrics: Metric, minutes: int = 1) -> cloudwatch.GraphWidget:
    period = Duration.minutes(minutes)
    return cloudwatch.GraphWidget(
        title=title, left=[metric.with_(period=period) for metric in metrics], width=8
    )
