"""Lets a function receive the batches of its queue that Lambda would give it.

MiniStack takes at most ten messages for an invocation, and never waits for more. Lambda gathers up
to `BatchSize` messages during `MaximumBatchingWindowInSeconds`, as long as the event is not larger
than 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

EVENT_BYTES_MAX = 6 * 1024 * 1024
_ENVELOPE_BYTES = 1024  # of a record: ids, receipt handle, attributes


def give_whole_batches(*, is_away: Callable[[], bool] = lambda: False) -> None:
    """`is_away`: whether SQS is; then a function gets nothing from its queue either."""
    from ministack.services import sqs  # noqa: PLC0415 - reads the environment when imported

    ten_at_most = sqs._receive_messages_for_esm

    def receive(queue_url: str, batch_size: int) -> list[dict[str, Any]]:
        if is_away():
            return []
        queue = sqs._get_q(queue_url)
        if queue["is_fifo"]:  # there Lambda, too, takes ten
            return list(ten_at_most(queue_url, batch_size))
        with sqs._queues_lock:
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            now = time.time()
            visible = [m for m in queue["messages"] if m.get("visible_at", 0) <= now]
            if not visible:
                return []
            is_full, count = _fitting(visible, batch_size)
            waited = now - min(m.get("visible_at", 0) for m in visible)
            if not is_full and waited < _window_seconds(queue["attributes"]["QueueArn"]):
                return []
            visible_for = int(queue["attributes"]["VisibilityTimeout"])
            return list(sqs._collect_msgs(queue, count, visible_for))

    sqs._receive_messages_for_esm = receive


def _window_seconds(queue_arn: str) -> int:
    from ministack.services import lambda_svc  # noqa: PLC0415

    return max(
        int(mapping.get("MaximumBatchingWindowInSeconds") or 0)
        for mapping in lambda_svc._esms.values()
        if mapping["EventSourceArn"] == queue_arn
    )


def _fitting(visible: Sequence[Mapping[str, Any]], batch_size: int) -> tuple[bool, int]:
    """Whether these messages fill a batch, and how many of the first fit in it: at least one."""
    size = 0
    for count, message in enumerate(visible[:batch_size]):
        size += len(message["body"].encode()) + _ENVELOPE_BYTES
        if count and size > EVENT_BYTES_MAX:
            return True, count
    return len(visible) >= batch_size, min(len(visible), batch_size)
