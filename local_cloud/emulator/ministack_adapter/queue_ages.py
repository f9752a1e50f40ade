"""Publishes the age of each queue's oldest message, as SQS does every minute."""

import logging
import threading
import time
from typing import Final

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS: Final = 5
_KEPT_MAX: Final = 120  # values of each queue


def publish_queue_ages() -> None:
    """From now on, in a thread that ends with the process."""
    threading.Thread(target=_forever, name="queue-ages", daemon=True).start()


def _forever() -> None:
    while True:
        time.sleep(_INTERVAL_SECONDS)
        try:
            record_ages()
        except Exception:  # the thread's boundary: the next round tries again
            logger.exception("ages of queues")


def record_ages() -> None:
    """Record the metric of every queue at this moment; of an empty queue it is zero."""
    from ministack.services import cloudwatch, sqs  # noqa: PLC0415 - reads the environment

    now = time.time()
    with sqs._queues_lock:
        ages = {
            queue["name"]: now
            - min((m.get("sent_at", now) for m in queue["messages"]), default=now)
            for queue in sqs._queues.values()
        }
    for name, age in ages.items():
        dimensions = {"QueueName": name}
        key = ("AWS/SQS", "ApproximateAgeOfOldestMessage", cloudwatch._dims_key(dimensions))
        cloudwatch.record_metric(key[0], key[1], int(age), "Seconds", dimensions)
        del cloudwatch._metric_bucket(key)[:-_KEPT_MAX]
