"""Alarms of the hub itself."""

import re
from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from branch_hub.infrastructure.notices import Notices
from infra.naming import EnvironmentSuffix

_PERIOD: Final = Duration.minutes(5)


class HubAlarms(Construct):
    """Failed machines, failed functions and lost events, sent to the notices.
    A refused branch raises no alarm."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        machines: Mapping[str, sfn.IStateMachine],
        functions: Mapping[str, lambda_.IFunction],
        webhook: tuple[str, lambda_.IFunction],
        dead_letters: sqs.IQueue,
        notices: Notices,
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix, self._notices = suffix, notices
        for name, machine in machines.items():
            self._alarm(
                f"{name}-failed",
                "An execution failed: its notice gives the reason and what to do",
                machine.metric_failed(period=_PERIOD, statistic="sum"),
                runbook=f"{name}-failed",
            )
            self._alarm(
                f"{name}-timed-out",
                "An execution timed out: its lock is free for the next one",
                machine.metric_timed_out(period=_PERIOD, statistic="sum"),
                runbook="machine-timed-out",
            )
        for name, function in functions.items():
            self._alarm(
                f"{name}-errors",
                "The function fails: the reconciler finds the missed events",
                function.metric_errors(period=_PERIOD, statistic="sum"),
                runbook=f"{name}-errors",
            )
        name, public = webhook
        self._alarm(
            f"{name}-throttles",
            "A webhook was refused: more arrive at once than the function may handle",
            public.metric_throttles(period=_PERIOD, statistic="sum"),
            runbook=f"{name}-throttles",
        )
        self._alarm(
            "branch-dead-letters",
            "An event was not delivered within a day of retries",
            dead_letters.metric_approximate_number_of_messages_visible(
                period=_PERIOD, statistic="max"
            ),
            runbook="branch-dead-letters",
        )

    def _alarm(self, name: str, reason: str, metric: cloudwatch.IMetric, *, runbook: str) -> None:
        alarm = cloudwatch.Alarm(
            self,
            re.sub(r"(^|-)(.)", lambda found: found[2].upper(), name),
            alarm_name=self._suffix.physical_name(name),
            alarm_description=f"{reason}. Runbook: docs/runbooks/hub/{runbook}.md",
            metric=metric,
            threshold=1,
            comparison_operator=(cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._notices.topic))
