"""Settings of the audit verifier."""

from dataclasses import dataclass
from typing import Final

from lambda_src.shared.environment_variables import EnvironmentSettings

# The event of the schedule is {SCHEDULED: true}.
SCHEDULED: Final = "scheduled"
# The log line of a verification that has finished.
VERIFIED: Final = "audit verified"


@dataclass(frozen=True, kw_only=True)
class AuditVerifierSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    database_secret_arn: str
    database_reader_host: str
    database_writer_host: str
    database_port: int
    database_name: str
    database_ca_file: str
    audit_bucket_name: str
