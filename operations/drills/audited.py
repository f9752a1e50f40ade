"""Compares the audit trail with the acknowledged transactions, and with the ledger."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from integration_tests.audit_trail import AuditTrail
from integration_tests.audit_verification import VerificationFailed, discrepancies_since

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

# When a function is replaced, the local cloud ends its invocations (see its README). Their messages
# come back after the visibility timeout, which is 6 times the handler's: once in each queue.
_TIMEOUT_SECONDS = 480.0
_SHOWN = 5


def audit_problems(
    acknowledged: list[str],
    *,
    s3: "S3Client",
    lambda_: "LambdaClient",
    bucket: str,
    verifier: str,
    since: datetime,
    clock_error: timedelta = timedelta(0),
) -> list[str]:
    """Problems if not every acknowledged transaction is in the audit bucket exactly once, or if the
    environment's own verification (the function `verifier`) finds a discrepancy.

    Waits for records that are on their way: for the verification they are no discrepancy.
    """
    trail = AuditTrail(s3, bucket, since)
    return [
        *problems_of(trail.read, acknowledged),
        *verification_problems(lambda_, verifier, since, until=datetime.now(UTC) + clock_error),
    ]


def problems_of(
    read: Callable[[], Counter[str]],
    acknowledged: list[str],
    *,
    timeout_seconds: float = _TIMEOUT_SECONDS,
    look_again_seconds: float = 1.0,
) -> list[str]:
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = read()
        missing = [i for i in acknowledged if not found[i]]
        doubled = [i for i in acknowledged if found[i] > 1]
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(look_again_seconds)
    problems = []
    if missing:
        problems.append(f"{len(missing)} are not in the audit bucket: {missing[:_SHOWN]}")
    if doubled:
        problems.append(
            f"{len(doubled)} are in the audit bucket more than once: {doubled[:_SHOWN]}"
        )
    return problems


def verification_problems(
    lambda_: "LambdaClient", function: str, since: datetime, *, until: datetime | None = None
) -> list[str]:
    """A problem if ledger and audit trail differ, or if that cannot be found out."""
    try:
        found, compared = discrepancies_since(lambda_, function, since, until=until)
    except VerificationFailed as error:
        return [f"the audit trail could not be verified: {error}"]
    if found:
        return [f"{len(found)} discrepancies of the audit trail: {found[:_SHOWN]}"]
    print(f"verify-audit: consistent, {compared} transactions")
    return []
