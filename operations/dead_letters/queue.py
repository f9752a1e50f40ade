"""A dead-letter queue and the queue that its letters came from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.queue_names import AUDIT, TRANSACTIONS, QueueNames
from operations.dead_letters.errors import DeadLettersError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

QUEUES: Final[dict[str, QueueNames]] = {names.kind: names for names in (TRANSACTIONS, AUDIT)}


@dataclass(frozen=True, kw_only=True)
class Queue:
    sqs: "SQSClient"
    name: str
    url: str
    source_name: str
    source_url: str

    def hidden(self) -> int:
        """About how many letters somebody has received and neither deleted nor released."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])


def names_of(kind: str) -> QueueNames:
    """Raises DeadLettersError if there is no such kind of queue."""
    try:
        return QUEUES[kind]
    except KeyError:
        raise DeadLettersError(f"QUEUE={kind!r}: must be one of {', '.join(QUEUES)}") from None


def open_queue(sqs: "SQSClient", *, suffix: str, names: QueueNames) -> Queue:
    """Raises DeadLettersError if the environment has no such queues."""
    found = {}
    for base in (names.dead_letters, names.queue):
        name = f"{base}-{suffix}"
        try:
            found[name] = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except sqs.exceptions.QueueDoesNotExist:
            raise DeadLettersError(
                f"SUFFIX={suffix!r}: there is no queue {name} at {sqs.meta.endpoint_url}; check "
                "the suffix (`make status`, or EnvironmentSuffix in the stack's outputs) and whose "
                "credentials these are; AWS=yes asks AWS instead of the local cloud"
            ) from None
    (name, url), (source_name, source_url) = found.items()
    return Queue(sqs=sqs, name=name, url=url, source_name=source_name, source_url=source_url)
