"""The rows of the dashboard, in the order in which an operator reads during an incident."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2

from infra.monitoring.alarms import error_percent
from infra.monitoring.monitored_resources import MonitoredResources

_MINUTE = Duration.minutes(1)
_DAY = Duration.days(1)


def rows(
    monitored: MonitoredResources, alarms: list[cloudwatch.IAlarm]
) -> list[list[cloudwatch.IWidget]]:
    """Alarms, then what clients see, then along the way of a transaction, then the rest."""
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
    door = monitored.load_balancer.load_balancer.metrics
    return [
        _graph("Clients: requests", door.request_count(period=_MINUTE)),
        _graph("Clients: requests that failed, %", error_percent(monitored, _MINUTE)),
        _graph(
            "Clients: response time, s",
            *(
                door.target_response_time(period=_MINUTE, statistic=statistic, label=statistic)
                for statistic in ("p50", "p99")
            ),
        ),
    ]


def _business(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    (_, transactions), (_, audit) = monitored.queues
    business = monitored.business
    return [
        _graph(
            "Business: transactions, by what became of them",
            *(
                metric.metric(statistic="sum", label=outcome)
                for outcome, metric in business.outcomes.items()
            ),
        ),
        _graph(
            "Business: from request to verdict, ms",
            business.posting_ms_mean.metric(statistic="avg", label="mean"),
            business.posting_ms_max.metric(statistic="max", label="longest"),
        ),
        _graph(
            "Business: acknowledged, not yet sent to the audit trail",
            business.outbox_batches.metric(statistic="max", label="batches"),
            business.outbox_oldest_seconds.metric(statistic="max", label="oldest, s"),
        ),
        _graph(
            "Business: queued transactions, submitted and handled",
            transactions.queue.metric_number_of_messages_sent(period=_MINUTE, label="submitted"),
            transactions.queue.metric_number_of_messages_deleted(period=_MINUTE, label="handled"),
        ),
        _graph(
            "Business: posted batches, sent to the audit trail and stored",
            audit.queue.metric_number_of_messages_sent(period=_MINUTE, label="sent"),
            audit.queue.metric_number_of_messages_deleted(period=_MINUTE, label="stored"),
        ),
        _graph(
            "Business: what waits for a person",
            *(
                queue.dead_letters.metric_approximate_number_of_messages_visible(
                    period=_MINUTE, statistic="max", label=name
                )
                for name, queue in monitored.queues
            ),
        ),
    ]


def _service(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    fargate, targets = monitored.service.fargate, monitored.load_balancer.targets.metrics
    return [
        _graph(
            "Service: tasks",
            fargate.metric_cpu_utilization(period=_MINUTE, statistic="n", label="running"),
            targets.unhealthy_host_count(period=_MINUTE, statistic="max", label="unhealthy"),
        ),
        _graph("Service: CPU, %", fargate.metric_cpu_utilization(period=_MINUTE)),
        _graph("Service: memory, %", fargate.metric_memory_utilization(period=_MINUTE)),
    ]


def _database(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    cluster = monitored.database.cluster
    return [
        _graph(
            "Database: CPU and capacity in use, %",
            cluster.metric_cpu_utilization(period=_MINUTE, statistic="max"),
            cluster.metric("ACUUtilization", period=_MINUTE, statistic="max"),
        ),
        _graph("Database: connections", cluster.metric_database_connections(period=_MINUTE)),
        _graph(
            "Database: commit latency, ms, and deadlocks",
            cluster.metric("CommitLatency", period=_MINUTE),
            cluster.metric("Deadlocks", period=_MINUTE, statistic="sum"),
        ),
    ]


def _queues(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    queued = monitored.queues[0][1].queue
    return [
        *(
            _graph(
                f"Queue {name}: waiting, and age of the oldest, s",
                queue.queue.metric_approximate_number_of_messages_visible(
                    period=_MINUTE, statistic="max"
                ),
                queue.queue.metric_approximate_age_of_oldest_message(
                    period=_MINUTE, statistic="max"
                ),
            )
            for name, queue in monitored.queues
        ),
        _graph(
            "Queue transaction: put back, breaker open",
            queued.metric_approximate_number_of_messages_delayed(period=_MINUTE, statistic="max"),
            monitored.business.breaker_open.metric(statistic="max", label="breaker open"),
        ),
    ]


def _functions(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    return [
        _graph(
            f"Function {name}: calls, errors, throttles",
            function.metric_invocations(period=_MINUTE),
            function.metric_errors(period=_MINUTE),
            function.metric_throttles(period=_MINUTE),
        )
        for name, function in monitored.functions
    ]


def _stores(monitored: MonitoredResources) -> list[cloudwatch.IWidget]:
    table, bucket = monitored.sessions.table, monitored.audit_store.bucket
    return [
        _graph(
            "Sessions: DynamoDB units",
            table.metric_consumed_read_capacity_units(period=_MINUTE),
            table.metric_consumed_write_capacity_units(period=_MINUTE),
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
                period=_DAY,
            ),
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
                    period=_MINUTE,
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


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=[*metrics], width=8)


def url(stack: Stack, name: str) -> str:
    return (
        f"https://{stack.region}.console.aws.amazon.com/cloudwatch/home"
        f"?region={stack.region}#dashboards/dashboard/{name}"
    )
