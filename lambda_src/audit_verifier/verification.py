"""Compares ledger, sealed batches and audit bucket."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pg8000.native import Connection

from lambda_src.audit_verifier.archive import Archive
from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.report import Report, Window
from lambda_src.audit_verifier.run import Run

USUAL: Final = Limits()


def verify(
    *,
    connection: Connection,
    archive: Archive,
    window: Window,
    cursor: Mapping[str, Any] | None,
    seconds_left: Callable[[], float],
    limits: Limits = USUAL,
    findings: Findings | None = None,
) -> Report:
    """Whether what was posted in the window is in the audit trail: each transaction once, as it is
    in the ledger.

    Stops when the time is short: the report then has a cursor for the next call, which continues.
    Reads only: a standby will do. Raises DatabaseError or ArchiveUnreadable; `findings` has what
    was found until then.
    """
    with ThreadPoolExecutor(limits.reads) as executor:
        run = Run(
            connection=connection,
            archive=archive,
            executor=executor,
            window=window,
            cursor=cursor,
            limits=limits,
            findings=Findings() if findings is None else findings,
        )
        for _ in run.steps():
            if seconds_left() < limits.stop_before_seconds:
                return run.report(is_finished=False)
        return run.report(is_finished=True)
