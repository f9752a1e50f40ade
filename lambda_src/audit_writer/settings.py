"""Settings of the audit writer."""

from dataclasses import dataclass

from lambda_src.shared.environment_variables import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class AuditWriterSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    audit_bucket_name: str
    audit_queue_url: str
    dead_letter_queue_url: str
    receives_max: int  # then SQS moves a message to the dead letters
    breaker_table_name: str
    breaker_failures_max: int
    breaker_pause_first_seconds: int
    breaker_pause_max_seconds: int
    writer_role_id: str  # the unique id of its own role
