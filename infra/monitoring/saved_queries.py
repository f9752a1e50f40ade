"""The first queries of an operator, saved in CloudWatch Logs Insights."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_logs as logs


@dataclass(frozen=True, kw_only=True)
class SavedQuery:
    """One query. Log lines are JSON with `level` and `message`."""

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


_BAD: Final = "level like /(?i)(error|critical|warning)/"
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
