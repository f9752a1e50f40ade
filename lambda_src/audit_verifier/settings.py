"""Settings of the audit verifier."""

from dataclasses import dataclass
from typing import Final

from lambda_src.shared.environment_variables import EnvironmentSettings

# The event of the schedule: it verifies a window that ends a little before now.
SCHEDULED: Final = {"scheduled": True}
# The field of an event that asks for the way of one transaction, and of the answer.
TRACE: Final = "trace"
# By then a batch that was sent is stored, unless the audit queue is late: that has its own alarm.
MISSING_AFTER_SECONDS: Final = 15 * 60
VERIFIED: Final = "audit verified"  # the log line of a verification that reached its end
DISCREPANCY: Final = "audit discrepancy"  # the log line with the number of `discrepancies`


@dataclass(frozen=True, kw_only=True)
class AuditVerifierSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    audit_bucket_name: str
    database_secret_arn: str  # username and password of ledger_auditor
    database_writer_host: str
    database_reader_host: str
    database_port: int
    database_name: str
    database_ca_file: str  # absolute, or relative to the asset's root
    missing_after_seconds: int  # a batch that was sent longer ago must have its object
    environment_suffix: str
