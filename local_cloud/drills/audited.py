"""Compares the audit bucket with the acknowledged transactions."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from integration_tests.audit_trail import transactions_since

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# When a function is replaced, the local cloud ends its invocations (see its README). Their messages
# come back after the visibility timeout, which is 6 times the handler's: once in each queue.
_TIMEOUT_SECONDS = 480.0


def audit_problems(
    s3: "S3Client", bucket: str, acknowledged: list[str], *, since: datetime
) -> list[str]:
    """Problems if not every acknowledged transaction is in the bucket exactly once.

    Waits for records that are on their way.
    """
    return problems_of(lambda: transactions_since(s3, bucket, since), acknowledged)


def problems_of(
    read: Callable[[], Counter[str]],
    acknowledged: list[str],
    *,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> list[str]:
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = read()
        missing = [i for i in acknowledged if not found[i]]
        doubled = [i for i in acknowledged if found[i] > 1]
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(1.0)
    problems = []
    if missing:
        problems.append(f"{len(missing)} are not in the audit bucket: {missing[:5]}")
    if doubled:
        problems.append(f"{len(doubled)} are in the audit bucket more than once: {doubled[:5]}")
    return problems
