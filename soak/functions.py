"""The two functions of an environment, wired to the proxies, each with its event source."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from lambda_src.audit_writer.settings import AuditWriterSettings
from lambda_src.shared.breaker import Limits
from lambda_src.transaction_processor.settings import TransactionProcessorSettings
from local_cloud.aws import AwsClients
from soak.aws_resources import (
    AUDIT_QUEUE,
    BREAKER_TABLE,
    BUCKET,
    OUTCOME_BUS,
    RECEIVES_MAX,
    SUFFIX,
    TRANSACTION_QUEUE,
    Emulator,
    Queue,
    queue_url,
)
from soak.database import ADDRESS, NAME
from soak.event_source import ROLE_ID, EventSource, Withhold
from soak.function_process import Function
from soak.plan import Faults
from soak.problems import Problem
from soak.service import Wiring

# Up to the largest of an environment. Small ones, which a quiet queue gives, make more calls.
_TRANSACTION_BATCHES: Final = (1, 5, 10, 10, 20, 40, 40, 500)
_AUDIT_BATCHES: Final = (1, 5)
# Shorter pauses than in an environment, so that it opens and closes often.
_BREAKER: Final = Limits(failures_max=3, pause_first_seconds=1, pause_max_seconds=2)
_PROCESSORS: Final = 4
_WRITERS: Final = 2


@dataclass(frozen=True, kw_only=True)
class Sources:
    wiring: Wiring
    emulator: Emulator
    aws: AwsClients  # through the proxy
    faults: Faults
    seed: int
    folder: Path  # of the logs
    withhold: Withhold
    on_failure: Callable[[Problem], None]

    def all(self) -> Sequence[EventSource]:
        """Each runs in a thread of its own."""
        processors = [
            self._source(
                "transaction-processor",
                TRANSACTION_QUEUE,
                self._processor_settings().to_env(),
                batch_sizes=_sizes(self.seed, number, _TRANSACTION_BATCHES),
                withhold=self.withhold,
            )
            for number in range(_PROCESSORS)
        ]
        writers = [
            self._source(
                "audit-writer",
                AUDIT_QUEUE,
                self._writer_settings().to_env(),
                batch_sizes=_sizes(self.seed, number, _AUDIT_BATCHES),
            )
            for number in range(_WRITERS)
        ]
        return [*processors, *writers]

    def _source(
        self,
        name: str,
        queue: Queue,
        settings: dict[str, str],
        *,
        batch_sizes: Iterator[int],
        withhold: Withhold | None = None,
    ) -> EventSource:
        return EventSource(
            name=name,
            function=Function(
                module=f"lambda_src.{name.replace('-', '_')}.entrypoint",
                environment=self.wiring.aws_environment() | settings,
                log_file=self.folder / f"{name}.log",
            ),
            queue_url=self._url(queue.name),
            sqs=self.aws.sqs,
            sqs_past_proxy=self.emulator.aws.sqs,
            batch_sizes=batch_sizes,
            window_seconds=0.5,
            faults=self.faults,
            on_failure=self.on_failure,
            withhold=withhold,
        )

    def _processor_settings(self) -> TransactionProcessorSettings:
        return TransactionProcessorSettings(
            database_secret_arn=self.emulator.processor_secret_arn,
            database_writer_host=ADDRESS,
            database_reader_host=ADDRESS,
            database_port=self.wiring.processor_database_port,
            database_name=NAME,
            database_ca_file=str(self.wiring.ca_file),
            dead_letter_queue_url=self._url(TRANSACTION_QUEUE.dead_letters),
            transaction_queue_url=self._url(TRANSACTION_QUEUE.name),
            receives_max=RECEIVES_MAX,
            outcome_bus_name=OUTCOME_BUS,
            breaker_table_name=BREAKER_TABLE,
            breaker_failures_max=_BREAKER.failures_max,
            breaker_pause_first_seconds=_BREAKER.pause_first_seconds,
            breaker_pause_max_seconds=_BREAKER.pause_max_seconds,
            processor_role_id=ROLE_ID,
            environment_suffix=SUFFIX,
        )

    def _writer_settings(self) -> AuditWriterSettings:
        return AuditWriterSettings(
            audit_bucket_name=BUCKET,
            audit_queue_url=self._url(AUDIT_QUEUE.name),
            dead_letter_queue_url=self._url(AUDIT_QUEUE.dead_letters),
            receives_max=RECEIVES_MAX,
            breaker_table_name=BREAKER_TABLE,
            breaker_failures_max=_BREAKER.failures_max,
            breaker_pause_first_seconds=_BREAKER.pause_first_seconds,
            breaker_pause_max_seconds=_BREAKER.pause_max_seconds,
            writer_role_id=ROLE_ID,
        )

    def _url(self, name: str) -> str:
        return queue_url(name, port=self.wiring.aws_port)


def _sizes(seed: int, number: int, sizes: Sequence[int]) -> Iterator[int]:
    dice = Random(f"{seed} batches of {number}")
    while True:
        yield dice.choice(sizes)
