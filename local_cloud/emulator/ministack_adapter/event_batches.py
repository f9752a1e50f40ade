"""Lets a function receive the batches of its queue that Lambda would give it.

MiniStack takes at most ten messages for an invocation, whatever the mapping says. Lambda gathers up
to `BatchSize` in several receives, as long as the event is not larger than 6 MB
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

EVENT_BYTES_MAX = 6 * 1024 * 1024
_ENVELOPE_BYTES = 1024  # of a record: ids, receipt handle, attributes


def give_whole_batches() -> None:
    from ministack.services import sqs  # noqa: PLC0415 - reads the environment when imported

    ten_at_most = sqs._receive_messages_for_esm

    def receive(queue_url: str, batch_size: int) -> list[dict[str, Any]]:
        queue = sqs._get_q(queue_url)
        if queue["is_fifo"]:  # there Lambda, too, takes ten
            return list(ten_at_most(queue_url, batch_size))
        with sqs._queues_lock:
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            count = _fitting(queue["messages"], batch_size)
            visible_for = int(queue["attributes"]["VisibilityTimeout"])
            return list(sqs._collect_msgs(queue, count, visible_for))

    sqs._receive_messages_for_esm = receive


def _fitting(messages: Iterable[Mapping[str, Any]], batch_size: int) -> int:
    """How many of the first visible messages fit in one event; at least one, if there is any."""
    now = time.time()
    count = size = 0
    for message in messages:
        if message.get("visible_at", 0) > now:
            continue
        size += len(message["body"].encode()) + _ENVELOPE_BYTES
        if count == batch_size or (count and size > EVENT_BYTES_MAX):
            break
        count += 1
    return count
