"""One alarm condition in plain words: "more than 10 in 5 minutes", "at least 80 for 2 minutes"."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.naming import EnvironmentSuffix, pascal_case

RUNBOOKS: Final = "docs/runbooks"
# An alarm that pages must be in state ALARM this soon after its condition begins.
PAGES_WITHIN_MINUTES: Final = 2

Metric = cloudwatch.Metric | cloudwatch.MathExpression


@dataclass(frozen=True, kw_only=True)
class AlarmRule:
    """Exactly one of `more_than`, `at_least` and `less_than` is the threshold.

    `within_minutes` is the time over which the metric's statistic is computed, for example a sum.
    `for_minutes` is how long the condition must hold without a break; the default is one value.
    An alarm that needs only one value also stays for one more, so that an error in every second
    period is one alarm.
    Raises ValueError with the rule's name if the rule is not consistent.
    """

    name: str
    reason: str
    metric: Metric  # its own period does not matter
    more_than: float | None = None
    at_least: float | None = None
    less_than: float | None = None
    within_minutes: int = 1
    for_minutes: int | None = None
    runbook: str | None = None  # a file in docs/runbooks; the default is the one with this name
    is_missing_bad: bool = False
    pages: bool = False

    def __post_init__(self) -> None:
        if len(self._thresholds()) != 1:
            raise self._error("must have exactly one of more_than, at_least and less_than")
        if self.within_minutes < 1:
            raise self._error(f"within_minutes is {self.within_minutes}: it must be 1 or more")
        if self._duration < self.within_minutes or self._duration % self.within_minutes:
            raise self._error(
                f"for_minutes is {self.for_minutes}: it must be a multiple of within_minutes, "
                f"which is {self.within_minutes}"
            )
        if self.pages and self._duration > PAGES_WITHIN_MINUTES:
            raise self._error(
                f"pages, but only after {self._duration} minutes: an alarm that pages must not "
                f"need more than {PAGES_WITHIN_MINUTES}"
            )

    def create(self, scope: Construct, *, suffix: EnvironmentSuffix) -> cloudwatch.Alarm:
        """Create the alarm. The caller adds its actions."""
        ((operator, threshold),) = self._thresholds()
        bad_values = self._duration // self.within_minutes
        return cloudwatch.Alarm(
            scope,
            pascal_case(self.name),
            alarm_name=suffix.physical_name(self.name),
            alarm_description=description(self.reason, self.runbook or self.name),
            metric=self.metric.with_(period=Duration.minutes(self.within_minutes)),
            threshold=threshold,
            comparison_operator=operator,
            evaluation_periods=max(bad_values, 2),
            datapoints_to_alarm=bad_values,
            treat_missing_data=(
                cloudwatch.TreatMissingData.BREACHING
                if self.is_missing_bad
                else cloudwatch.TreatMissingData.NOT_BREACHING
            ),
        )

    @property
    def _duration(self) -> int:
        return self.within_minutes if self.for_minutes is None else self.for_minutes

    def _thresholds(self) -> list[tuple[cloudwatch.ComparisonOperator, float]]:
        operators = cloudwatch.ComparisonOperator
        return [
            (operator, threshold)
            for operator, threshold in (
                (operators.GREATER_THAN_THRESHOLD, self.more_than),
                (operators.GREATER_THAN_OR_EQUAL_TO_THRESHOLD, self.at_least),
                (operators.LESS_THAN_THRESHOLD, self.less_than),
            )
            if threshold is not None
        ]

    def _error(self, text: str) -> ValueError:
        return ValueError(f"alarm {self.name}: {text}")


def description(reason: str, runbook: str) -> str:
    return f"{reason}. Runbook: {RUNBOOKS}/{runbook}.md"
