"""The format of the messages of the audit queue, and the limits of SQS."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

POSTED_TYPE = "transactions.posted"
POSTED_VERSION = 1

ENTRIES_MAX = 10  # of one batch call
SEND_BYTES_MAX = 1_048_576  # of one message, and of all messages of one batch call together

_T = TypeVar("_T")


def groups(items: Iterable[_T], *, size_of: Callable[[_T], int]) -> Iterator[list[_T]]:
    """The items in their order, in groups that SQS accepts in one call; sizes are in bytes."""
    group: list[_T] = []
    group_size = 0
    for item in items:
        size = size_of(item)
        if group and (len(group) == ENTRIES_MAX or group_size + size > SEND_BYTES_MAX):
            yield group
            group, group_size = [], 0
        group.append(item)
        group_size += size
    if group:
        yield group
