"""The queues of an environment: how many messages wait, and for how long."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from page.account import Account
from page.cards import Subject
from page.names import last_part
from page.readers.stacks import environment_stack, resources

_TYPE: Final = "AWS::SQS::Queue"
_DEAD_LETTERS: Final = "dead-letters"  # part of the name of every such queue
_PERIOD_SECONDS: Final = 60
# The metric of a minute may come some minutes later.
_LOOKS_BACK: Final = timedelta(minutes=10)
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, kw_only=True)
class Queue:
    name: str
    waiting: int
    in_flight: int  # received and not deleted yet
    delayed: int
    oldest_seconds: float | None  # None: CloudWatch has no value, as of an empty queue
    holds_dead_letters: bool

    @property
    def is_worrying(self) -> bool:
        return self.holds_dead_letters and self.waiting > 0


def queues(account: Account, subject: Subject) -> list[Queue]:
    """Those of messages first. Raises NotThere if there is no such environment."""
    stack = environment_stack(account, subject["suffix"])
    urls = sorted(resources(account, stack).get(_TYPE, []))
    answers: dict[str, Any] = {
        url: account.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*_COUNTS])["Attributes"]
        for url in urls
    }
    ages = _ages(account, [last_part(url) for url in urls])
    found = [
        Queue(
            name=(name := last_part(url)),
            waiting=int(attributes[_COUNTS[0]]),
            in_flight=int(attributes[_COUNTS[1]]),
            delayed=int(attributes[_COUNTS[2]]),
            oldest_seconds=ages.get(name),
            holds_dead_letters=_DEAD_LETTERS in name,
        )
        for url, attributes in answers.items()
    ]
    return sorted(found, key=lambda queue: (queue.holds_dead_letters, queue.name))


def _ages(account: Account, names: list[str]) -> dict[str, float]:
    """By queue: the age of its oldest message in the newest minute that has a value.

    SQS publishes no value for a queue that nobody has used for six hours:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-cloudwatch.html
    """
    if not names:
        return {}
    now = datetime.now(UTC)
    answer = account.cloudwatch.get_metric_data(
        StartTime=now - _LOOKS_BACK,
        EndTime=now,
        ScanBy="TimestampDescending",
        MetricDataQueries=[
            {
                "Id": f"age{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/SQS",
                        "MetricName": "ApproximateAgeOfOldestMessage",
                        "Dimensions": [{"Name": "QueueName", "Value": name}],
                    },
                    "Period": _PERIOD_SECONDS,
                    "Stat": "Maximum",
                },
            }
            for number, name in enumerate(names)
        ],
    )
    return {
        names[int(result["Id"].removeprefix("age"))]: result["Values"][0]
        for result in answer["MetricDataResults"]
        if result["Values"]
    }
