"""Settings of the audit writer."""

from dataclasses import dataclass
from typing import Final

from lambda_src.shared.environment_variables import EnvironmentSettings

AUDIT_PREFIX: Final = "audit/"  # of every record's key


@dataclass(frozen=True, kw_only=True)
class AuditWriterSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    audit_bucket_name: str
    dead_letter_queue_url: str
    writer_role_id: str  # the unique id of its own role
