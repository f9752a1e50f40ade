"""What an operator looks at, and what calls one."""

from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.database import Database
from infra.load_balancer import LoadBalancer
from infra.naming import EnvironmentSuffix
from infra.queues import QueueWithDeadLetters
from infra.service import Service

_MINUTE = Duration.minutes(1)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The parts of an environment that can fail by themselves."""

    load_balancer: LoadBalancer
    service: Service
    database: Database
    queues: tuple[tuple[str, QueueWithDeadLetters], ...]
    functions: tuple[tuple[str, lambda_.IFunction], ...]


class Monitoring(Construct):
    """A dashboard with the alarms on top. Every alarm goes to `topic`: subscribe there."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        watched: Watched,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix = suffix
        name = suffix.physical_name("transaction-dashboard")

        self.topic = sns.Topic(
            self,
            "Alarms",
            topic_name=suffix.physical_name("transaction-alarms"),
            master_key=key,
            enforce_ssl=True,
        )
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        self.alarms = self._alarms(watched)
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=name,
            widgets=[
                [cloudwatch.AlarmStatusWidget(alarms=[*self.alarms], width=24, title="Alarms")],
                *_rows(watched),
            ],
        )
        stack = Stack.of(self)
        self.dashboard_url = (
            f"https://{stack.region}.console.aws.amazon.com/cloudwatch/home"
            f"?region={stack.region}#dashboards/dashboard/{name}"
        )

    def _alarms(self, watched: Watched) -> list[cloudwatch.Alarm]:
        targets = watched.load_balancer.targets.metrics
        balancer = watched.load_balancer.load_balancer.metrics
        return [
            self._alarm(
                "unhealthy-hosts",
                targets.unhealthy_host_count(period=_MINUTE, statistic="max"),
                "A task fails its health check: it answers nobody",
            ),
            self._alarm(
                "server-errors",
                balancer.http_code_target(
                    elbv2.HttpCodeTarget.TARGET_5XX_COUNT, period=_MINUTE, statistic="sum"
                ),
                "The service answers with 5xx",
                threshold=5,
            ),
            self._alarm(
                "database-cpu",
                watched.database.cluster.metric_cpu_utilization(period=_MINUTE),
                "The database is close to the end of its capacity",
                threshold=80,
            ),
            *(
                self._alarm(
                    f"{name}-dead-letters",
                    queue.dead_letters.metric_approximate_number_of_messages_visible(
                        period=_MINUTE, statistic="max"
                    ),
                    "A message could not be handled and waits for a person",
                )
                for name, queue in watched.queues
            ),
            *(
                self._alarm(
                    f"{name}-errors",
                    function.metric_errors(period=_MINUTE, statistic="sum"),
                    "The function fails as a whole, not for one message",
                )
                for name, function in watched.functions
            ),
        ]

    def _alarm(
        self, name: str, metric: cloudwatch.IMetric, meaning: str, *, threshold: float = 1
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            "".join(word.title() for word in name.split("-")),
            alarm_name=self._suffix.physical_name(name),
            alarm_description=meaning,
            metric=metric,
            threshold=threshold,
            comparison_operator=(cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
            evaluation_periods=2,
            datapoints_to_alarm=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        return alarm


def _rows(watched: Watched) -> list[list[cloudwatch.IWidget]]:
    """One row per hop, in the order in which a request travels."""
    balancer = watched.load_balancer.load_balancer.metrics
    cluster = watched.database.cluster
    return [
        [
            _graph("Requests", balancer.request_count()),
            _graph("Response time p99", balancer.target_response_time(statistic="p99")),
        ],
        [
            _graph(
                "Tasks: CPU and memory",
                watched.service.fargate.metric_cpu_utilization(),
                watched.service.fargate.metric_memory_utilization(),
            ),
            _graph(
                "Database: CPU and connections",
                cluster.metric_cpu_utilization(),
                cluster.metric_database_connections(),
            ),
        ],
        [
            _graph(
                "Queues: age of the oldest message",
                *(
                    queue.queue.metric_approximate_age_of_oldest_message()
                    for _, queue in watched.queues
                ),
            ),
            _graph(
                "Functions: errors",
                *(function.metric_errors() for _, function in watched.functions),
            ),
        ],
    ]


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=[*metrics], width=12)
