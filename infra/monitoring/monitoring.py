"""What an operator looks at, what tells one, and the one alarm that wakes one up."""

from collections.abc import Sequence
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
from infra.monitoring.alarms import BURN_RATES, AlarmRule, BurnRate, alarm_rules, error_percent
from infra.monitoring.monitored_resources import MonitoredResources
from infra.monitoring.saved_queries import SAVED_QUERIES
from infra.naming import EnvironmentSuffix

PAGE: Final = "page"


@dataclass(frozen=True, kw_only=True)
class MonitoringConfig:
    email: str | None = None  # told of alarms and of pages; must confirm each once


class Monitoring(Construct):
    """A dashboard with the alarms on top, and saved queries.

    Every alarm goes to `topic`. Those for which a person must get up also go, as one, to `pages`.
    `server_errors` is the alarm that a deployment must not cause.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: MonitoringConfig,
        monitored: MonitoredResources,
        log_groups: list[logs.ILogGroup],
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix = suffix
        self.topic = self._topic("Alarms", "transaction-alarms", key)
        self.pages = self._topic("Pages", "transaction-pages", key)
        if config.email is not None:
            for topic in (self.topic, self.pages):
                topic.add_subscription(subscriptions.EmailSubscription(config.email))

        rules = alarm_rules(monitored)
        alarms = {rule.name: self._alarm(rule) for rule in rules}
        self.server_errors = alarms["server-errors"]
        burning = [self._burn(rate, monitored) for rate in BURN_RATES]
        page = self._composite(
            PAGE,
            "Clients are affected, or will be: read the dashboard from the top",
            [*burning, *(alarms[rule.name] for rule in rules if rule.pages)],
        )
        page.add_alarm_action(actions.SnsAction(self.pages))
        page.add_ok_action(actions.SnsAction(self.pages))

        name = suffix.physical_name("transaction-dashboard")
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=name,
            widgets=dashboard.rows(monitored, [page, *burning, *alarms.values()]),
        )
        self.dashboard_url = dashboard.url(Stack.of(self), name)
        for query in SAVED_QUERIES:
            logs.QueryDefinition(
                self,
                _id(query.name),
                query_definition_name=suffix.physical_name(f"transaction-{query.name}"),
                query_string=query.string(),
                log_groups=log_groups,
            )

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

    def _alarm(self, rule: AlarmRule) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            _id(rule.name),
            alarm_name=self._suffix.physical_name(rule.name),
            alarm_description=_description(rule.reason, rule.runbook),
            metric=rule.metric,
            threshold=rule.threshold,
            comparison_operator=(
                cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
                if rule.is_below
                else cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
            ),
            evaluation_periods=rule.minutes,
            datapoints_to_alarm=rule.bad_minutes,
            treat_missing_data=(
                cloudwatch.TreatMissingData.BREACHING
                if rule.is_missing_bad
                else cloudwatch.TreatMissingData.NOT_BREACHING
            ),
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        return alarm

    def _burn(self, rate: BurnRate, monitored: MonitoredResources) -> cloudwatch.CompositeAlarm:
        """Both windows: the long one alone would go on for an hour after everything is well."""
        windows = [
            cloudwatch.Alarm(
                self,
                _id(f"{rate.name}-{window}"),
                alarm_name=self._suffix.physical_name(f"{rate.name}-{window}"),
                alarm_description=_description(rate.reason, "error-budget-burn"),
                metric=error_percent(monitored, period),
                threshold=rate.threshold_percent,
                comparison_operator=(
                    cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
                ),
                evaluation_periods=1,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            for window, period in (("long", rate.long), ("short", rate.short))
        ]
        burning = self._composite(
            rate.name, rate.reason, windows, runbook="error-budget-burn", all_of=True
        )
        burning.add_alarm_action(actions.SnsAction(self.topic))
        burning.add_ok_action(actions.SnsAction(self.topic))
        return burning

    def _composite(
        self,
        name: str,
        reason: str,
        alarms: Sequence[cloudwatch.IAlarm],
        *,
        runbook: str | None = None,
        all_of: bool = False,
    ) -> cloudwatch.CompositeAlarm:
        states = [
            cloudwatch.AlarmRule.from_alarm(alarm, cloudwatch.AlarmState.ALARM) for alarm in alarms
        ]
        return cloudwatch.CompositeAlarm(
            self,
            _id(name),
            composite_alarm_name=self._suffix.physical_name(name),
            alarm_description=_description(reason, runbook or name),
            alarm_rule=(
                cloudwatch.AlarmRule.all_of(*states)
                if all_of
                else cloudwatch.AlarmRule.any_of(*states)
            ),
        )


def _description(reason: str, runbook: str) -> str:
    return f"{reason}. Runbook: docs/runbooks/{runbook}.md"


def _id(name: str) -> str:
    return "".join(word.title() for word in name.split("-"))
