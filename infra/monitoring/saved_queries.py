"""The first queries of an operator, saved in CloudWatch Logs Insights."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_logs as logs


@dataclass(frozen=True, kw_only=True)
class SavedQuery:
    """One query. Log lines are JSON with `level` and `message`, of the service and of functions."""

    name: str
    fields: tuple[str, ...] = ("@timestamp", "@log", "@message")
    filters: tuple[str, ...] = ()
    stats: str | None = None

    def string(self) -> logs.QueryString:
        return logs.QueryString(
            fields=[*self.fields],
            filter_statements=[*self.filters],
            stats_statements=[self.stats] if self.stats else None,
            sort=None if self.stats else "@timestamp desc",
            limit=200,
        )


# Python's names of levels. Lambda's own runtime writes an uncaught error with `log_level` instead
# of `level` until September 2026 (aws/aws-lambda-python-runtime-interface-client#220), and a call
# that reached its timeout only in its report.
_BAD: Final = (
    "level in ['WARNING', 'ERROR', 'CRITICAL'] or log_level = 'ERROR' or record.status = 'timeout'"
)
SAVED_QUERIES: Final = (
    SavedQuery(name="errors", filters=(_BAD,)),
    SavedQuery(
        name="errors-by-message",
        fields=("message",),
        filters=(_BAD,),
        stats="count(*) as times by message, @log",
    ),
    SavedQuery(name="dead-letters", filters=("@message like /dead/",)),
    SavedQuery(
        name="amounts",
        fields=("currency", "amount_minor"),
        filters=("message = 'amount archived'",),
        stats="sum(amount_minor) as moved_minor by currency, bin(1h)",
    ),
)
