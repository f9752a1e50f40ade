"""The audit trail at the end, as the audit verifier reports it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pg8000.native import Connection

from lambda_src.audit_verifier.archive import S3Archive
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.report import Checked, Discrepancy, Window
from lambda_src.audit_verifier.verification import verify
from soak.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Nothing is on its way any more: what was sent must be there, and what is there must be known.
_NOW: Final = Limits(missing_after_seconds=0, unknown_after_seconds=0)


def verify_trail(
    connection: Connection, s3: "S3Client", bucket: str
) -> tuple[Checked, list[Problem]]:
    """What was compared, and every discrepancy."""
    checked = Checked()
    problems: list[Problem] = []
    cursor: Mapping[str, Any] | None = None
    while True:
        report = verify(
            connection=connection,
            archive=S3Archive(s3=s3, bucket_name=bucket),
            window=Window(),
            cursor=cursor,
            seconds_left=lambda: 3600,
            limits=_NOW,
        )
        checked = Checked(
            transactions=checked.transactions + report.checked.transactions,
            batches=checked.batches + report.checked.batches,
            objects=checked.objects + report.checked.objects,
        )
        problems += [_problem(each) for each in report.discrepancies]
        cursor = report.cursor
        if cursor is None:
            return checked, problems


def _problem(found: Discrepancy) -> Problem:
    return Problem(
        what=f"verification: {found.kind} {found.subject}", subject=f"{found.id}: {found.detail}"
    )
