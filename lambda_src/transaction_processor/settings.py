"""Settings of the transaction processor."""

from dataclasses import dataclass
from typing import Final

from lambda_src.shared.environment_variables import EnvironmentSettings

SOURCE: Final = "transactions"  # of every event on the bus of outcomes
CORRELATION_ID: Final = "correlation_id"  # a sender's attribute that its outcome repeats


@dataclass(frozen=True, kw_only=True)
class TransactionProcessorSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    database_secret_arn: str  # username and password of ledger_processor
    database_writer_host: str
    database_reader_host: str
    database_port: int
    database_name: str
    database_ca_file: str  # absolute, or relative to the asset's root
    dead_letter_queue_url: str
    transaction_queue_url: str
    receives_max: int  # then SQS moves a message to the dead letters
    outcome_bus_name: str
    breaker_table_name: str
    breaker_failures_max: int
    breaker_pause_first_seconds: int
    breaker_pause_max_seconds: int
    processor_role_id: str  # the unique id of its own role
    environment_suffix: str
