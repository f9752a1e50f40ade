"""The two functions that handle the messages of the two queues."""

from dataclasses import dataclass, field
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.audit_store import AuditStore
from infra.breaker import Breaker, BreakerConfig
from infra.component_names import AUDIT_WRITER, TRANSACTION_PROCESSOR
from infra.database import Database
from infra.lambda_code import LambdaSource
from infra.naming import EnvironmentSuffix
from infra.outcomes import Outcomes
from infra.python_function import Placement, PythonFunction
from infra.queues import RECEIVES_MAX, QueueWithDeadLetters
from infra.trust import LAMBDA_TRUST, ca_file_for_functions
from lambda_src.audit_writer.settings import AuditWriterSettings
from lambda_src.shared.breaker import ARCHIVE, LEDGER
from lambda_src.transaction_processor.settings import TransactionProcessorSettings

PROCESSOR_SOURCE: Final = LambdaSource(
    module="lambda_src.transaction_processor.entrypoint",
    also=(LAMBDA_TRUST,),
)
AUDIT_SOURCE: Final = LambdaSource(module="lambda_src.audit_writer.entrypoint")


@dataclass(frozen=True, kw_only=True)
class ProcessorConfig:
    timeout_seconds: int = 30
    # One call to the ledger for each batch. Below 300 the fixed cost of a call counts; above 500
    # little is gained, and others wait longer for the accounts that the call has locked
    # (bench/results/processor.md).
    batch_size: int = 500
    batching_window_seconds: int = 1
    concurrency_max: int = 5  # each holds a connection to the database
    audit_batch_size: int = 5  # messages of up to 1 MiB, in an event of at most 6 MB
    breaker: BreakerConfig = field(default_factory=BreakerConfig)


class TransactionProcessor(Construct):
    """Validates queued transactions and posts them; those that can never succeed are dead letters.

    It receives messages as soon as `mapping` exists.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: ProcessorConfig,
        queue: QueueWithDeadLetters,
        breaker: Breaker,
        outcomes: Outcomes,
        database: Database,
        placement: Placement,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)

        self.function = PythonFunction(
            self,
            "Processor",
            suffix=suffix,
            name=TRANSACTION_PROCESSOR,
            description=f"Posts the queued transactions of {suffix}",
            source=PROCESSOR_SOURCE,
            environment=lambda role: TransactionProcessorSettings(
                database_secret_arn=database.processor_secret.secret_arn,
                database_writer_host=database.writer_host,
                database_reader_host=database.reader_host,
                database_port=database.port,
                database_name=database.name,
                database_ca_file=ca_file_for_functions(database.ca_file),
                dead_letter_queue_url=queue.dead_letters.queue_url,
                transaction_queue_url=queue.queue.queue_url,
                receives_max=RECEIVES_MAX,
                outcome_bus_name=outcomes.bus.event_bus_name,
                breaker_table_name=breaker.table.table_name,
                breaker_failures_max=config.breaker.failures_max,
                breaker_pause_first_seconds=config.breaker.pause_first_seconds,
                breaker_pause_max_seconds=config.breaker.pause_max_seconds,
                processor_role_id=role.role_id,
                environment_suffix=str(suffix),
            ).to_env(),
            timeout_seconds=config.timeout_seconds,
            key=key,
            placement=placement,
            may_send_to_itself=True,  # it sends messages again while the database is unreachable
        )
        function = self.function.function
        database.processor_secret.grant_read(function)
        breaker.grant_use(function, item=LEDGER)
        outcomes.grant_put(function)
        queue.grant_send_again(function)
        queue.grant_send_to_dead_letters(function)
        self.mapping = _connect(
            function,
            queue,
            batch_size=config.batch_size,
            window_seconds=config.batching_window_seconds,
            concurrency_max=config.concurrency_max,
        )


class AuditWriter(Construct):
    """Stores every posted batch once. Runs outside the VPC: it needs no database."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: ProcessorConfig,
        queue: QueueWithDeadLetters,
        breaker: Breaker,
        store: AuditStore,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)

        self.function = PythonFunction(
            self,
            "Writer",
            suffix=suffix,
            name=AUDIT_WRITER,
            description=f"Stores the posted batches of {suffix}",
            source=AUDIT_SOURCE,
            environment=lambda role: AuditWriterSettings(
                audit_bucket_name=store.bucket.bucket_name,
                audit_queue_url=queue.queue.queue_url,
                dead_letter_queue_url=queue.dead_letters.queue_url,
                receives_max=RECEIVES_MAX,
                breaker_table_name=breaker.table.table_name,
                breaker_failures_max=config.breaker.failures_max,
                breaker_pause_first_seconds=config.breaker.pause_first_seconds,
                breaker_pause_max_seconds=config.breaker.pause_max_seconds,
                writer_role_id=role.role_id,
            ).to_env(),
            timeout_seconds=config.timeout_seconds,
            key=key,
            may_send_to_itself=True,  # it sends messages again while S3 does not answer
        )
        function = self.function.function
        store.grant_append(function)
        breaker.grant_use(function, item=ARCHIVE)
        queue.grant_send_again(function)
        queue.grant_send_to_dead_letters(function)
        self.mapping = _connect(
            function,
            queue,
            batch_size=config.audit_batch_size,
            window_seconds=0,
            concurrency_max=config.concurrency_max,
        )


def _connect(
    function: lambda_.Function,
    queue: QueueWithDeadLetters,
    *,
    batch_size: int,
    window_seconds: int,
    concurrency_max: int,
) -> lambda_.EventSourceMapping:
    """Let the queue call `function`, which reports the result of each message."""
    queue.grant_handle(function)
    return lambda_.EventSourceMapping(
        function,
        "Mapping",
        target=function,
        event_source_arn=queue.queue.queue_arn,
        batch_size=batch_size,
        max_batching_window=Duration.seconds(window_seconds),
        max_concurrency=concurrency_max,
        report_batch_item_failures=True,
    )
