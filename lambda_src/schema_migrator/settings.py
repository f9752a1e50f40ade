"""Settings of the schema migrator."""

from dataclasses import dataclass
from typing import Final

from lambda_src.shared.environment_variables import EnvironmentSettings

# The event with which `make resend` asks for another attempt; its answer has the number.
RETRY_BATCHES: Final = {"task": "retry-batches"}
RETRIED: Final = "retried"


@dataclass(frozen=True, kw_only=True)
class SchemaMigratorSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    migrator_secret_arn: str  # the master user: owns the schema, enables the other two
    service_secret_arn: str
    processor_secret_arn: str
    database_writer_host: str
    database_port: int
    database_name: str
    database_ca_file: str  # absolute, or relative to the asset's root
