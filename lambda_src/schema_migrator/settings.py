"""Settings of the schema migrator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from lambda_src.shared.environment_variables import EnvironmentSettings

# The event with which `make resend` asks for another attempt; its answer has the number.
RETRY_BATCHES: Final = {"task": "retry-batches"}
RETRIED: Final = "retried"
SEND_AGAIN: Final = "send-again"


def send_again_event(*, batch_ids: Sequence[str], transaction_ids: Sequence[str]) -> dict[str, Any]:
    """With which `make verify-audit APPLY=yes` has these sent to the audit trail again."""
    return {
        "task": SEND_AGAIN,
        "batch_ids": [*batch_ids],
        "transaction_ids": [*transaction_ids],
    }


@dataclass(frozen=True, kw_only=True)
class SchemaMigratorSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    migrator_secret_arn: str  # the master user: owns the schema, enables the others
    service_secret_arn: str
    processor_secret_arn: str
    auditor_secret_arn: str
    database_writer_host: str
    database_port: int
    database_name: str
    database_ca_file: str  # absolute, or relative to the asset's root
