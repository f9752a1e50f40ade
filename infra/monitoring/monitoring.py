"""Dashboard, notifications and the composite alarm that pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.monitoring import dashboard
from infra.monitoring.alarm_rule import description
from infra.monitoring.alarms import alarm_rules
from infra.monitoring.error_budget import BURN_RATES, RUNBOOK
from infra.monitoring.monitored_resources import MonitoredResources
from infra.monitoring.saved_queries import SAVED_QUERIES
from infra.naming import EnvironmentSuffix, pascal_case

PAGE: Final = "page"


@dataclass(frozen=True, kw_only=True)
class MonitoringConfig:
    """With `shared_topic`, the name of a topic of this account, the environment has none."""

    email: str | None = None  # gets alarms and pages; must confirm both subscriptions
    shared_topic: str | None = None  # its owner subscribes `email`


class Monitoring(Construct):
    """A dashboard with the alarms on top, and saved queries.

    Every alarm notifies `topic`. The composite alarm of those that page notifies `pages`. Both are
    the shared topic if one is configured.
    `server_errors` is the alarm that rolls a deployment back.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: MonitoringConfig,
        monitored: MonitoredResources,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix = suffix
        self.topic, self.pages = self._topics(config, key)
        rules = alarm_rules(monitored)
        alarms = {rule.name: rule.create(self, suffix=suffix) for rule in rules}
        self.server_errors = alarms["server-errors"]
        burns = [
            self._composite(
                rate.name,
                rate.reason,
                rate.windows(self, suffix=suffix, load_balancer=monitored.load_balancer),
                runbook=RUNBOOK,
                combine=cloudwatch.AlarmRule.all_of,
            )
            for rate in BURN_RATES
        ]
        page = self._composite(
            PAGE,
            "Clients are affected or will be soon: read the dashboard from the top",
            [*burns, *(alarms[rule.name] for rule in rules if rule.pages)],
            runbook=PAGE,
            combine=cloudwatch.AlarmRule.any_of,
        )
        for alarm in (*alarms.values(), *burns):
            _notify(self.topic, alarm)
        _notify(self.pages, page)

        name = suffix.physical_name("transaction-dashboard")
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=name,
            widgets=dashboard.rows(monitored, [page, *burns, *alarms.values()]),
        )
        self.dashboard_url = _url(Stack.of(self), name)
        for query in SAVED_QUERIES:
            logs.QueryDefinition(
                self,
                pascal_case(query.name),
                query_definition_name=suffix.physical_name(f"transaction-{query.name}"),
                query_string=query.string(),
                log_groups=monitored.log_groups,
            )

    def _topics(self, config: MonitoringConfig, key: kms.IKey) -> tuple[sns.ITopic, sns.ITopic]:
        if config.shared_topic is not None:
            arn = Stack.of(self).format_arn(service="sns", resource=config.shared_topic)
            shared = sns.Topic.from_topic_arn(self, "SharedTopic", arn)
            return shared, shared
        own = (
            self._topic("Alarms", "transaction-alarms", key),
            self._topic("Pages", "transaction-pages", key),
        )
        if config.email is not None:
            for topic in own:
                topic.add_subscription(subscriptions.EmailSubscription(config.email))
        return own

    def _topic(self, construct_id: str, base: str, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(
            self,
            construct_id,
            topic_name=self._suffix.physical_name(base),
            master_key=key,
            enforce_ssl=True,
        )
        stack = Stack.of(self)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisEnvironment",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(
                            service="cloudwatch", resource=f"alarm:*-{self._suffix}"
                        )
                    },
                },
            )
        )
        return topic

    def _composite(
        self,
        name: str,
        reason: str,
        alarms: Sequence[cloudwatch.IAlarm],
        *,
        runbook: str,
        combine: Callable[..., cloudwatch.IAlarmRule],
    ) -> cloudwatch.CompositeAlarm:
        return cloudwatch.CompositeAlarm(
            self,
            pascal_case(name),
            composite_alarm_name=self._suffix.physical_name(name),
            alarm_description=description(reason, runbook),
            alarm_rule=combine(
                *(
                    cloudwatch.AlarmRule.from_alarm(alarm, cloudwatch.AlarmState.ALARM)
                    for alarm in alarms
                )
            ),
        )


def _notify(topic: sns.ITopic, alarm: cloudwatch.AlarmBase) -> None:
    """Publish the start and the end of `alarm`."""
    alarm.add_alarm_action(actions.SnsAction(topic))
    alarm.add_ok_action(actions.SnsAction(topic))


def _url(stack: Stack, dashboard_name: str) -> str:
    return (
        f"https://{stack.region}.console.aws.amazon.com/cloudwatch/home"
        f"?region={stack.region}#dashboards/dashboard/{dashboard_name}"
    )
