"""The dead letters of an environment, counted: every message of a drill is valid."""

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class DeadLetters:
    """The queues of the environment `suffix` that hold dead letters."""

    def __init__(self, sqs: "SQSClient", *, suffix: str) -> None:
        self._sqs = sqs
        self._suffix = suffix

    def count(self) -> Counter[str]:
        """By the name of the queue."""
        found: Counter[str] = Counter()
        for page in self._sqs.get_paginator("list_queues").paginate():
            for url in page.get("QueueUrls", []):
                name = url.rsplit("/", 1)[-1]
                if name.endswith(f"-dead-letters-{self._suffix}"):
                    attributes = self._sqs.get_queue_attributes(
                        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
                    )
                    found[name] = int(attributes["Attributes"]["ApproximateNumberOfMessages"])
        return found

    def problems(self, *, since: Counter[str]) -> list[str]:
        """A problem for each queue that holds more than `since`."""
        more = self.count() - since
        return [f"{number} messages became dead letters in {name}" for name, number in more.items()]
