"""Messages per second through one warm invocation of the transaction processor.

Beside it runs what samples do: for each message one put in DynamoDB and one in S3. Both run in
one worker (`processor_program.py`), in turns. The loop meets the fastest stub there can be
(`acknowledging_stub.py`), without TLS or a network; the processor posts in PostgreSQL with fsync
and TLS. On AWS a put takes milliseconds, so the ratio there is larger.

    python -m bench.ledger.processor    # several batch sizes; writes bench/results/processor.md
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from bench.ledger.acknowledging_stub import Stub, running_stub
from bench.ledger.row import Row
from bench.ledger.server import PROCESSOR_LOGIN, Ledger, database_server
from bench.pictures.processor import PROCESSOR, Batch, Processor
from bench.pictures.record import RESULTS
from bench.run_description import as_plain_text, described
from infra.breaker import BreakerConfig
from infra.processors import ProcessorConfig
from lambda_src.transaction_processor.settings import TransactionProcessorSettings
from local_cloud.paths import ROOT

BAR: Final = 20.0
MOONSHOT: Final = 50.0
_ROUNDS: Final = 5
_MESSAGES: Final = 3000  # of a round; the loop is slower and gets fewer
_LOOP_MESSAGES: Final = 400
_BATCH: Final = ProcessorConfig().batch_size
_SIZES: Final = (100, 300, 500, 1000)


@dataclass(frozen=True, kw_only=True)
class Timed:
    messages: int
    seconds: float
    cpu_seconds: float  # of the worker
    database_seconds: float  # processor time of PostgreSQL
    stub_seconds: float  # processor time of the stub

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds

    @property
    def all_cpu_seconds(self) -> float:
        return self.cpu_seconds + self.database_seconds + self.stub_seconds


def measure(ledger: Ledger) -> list[Row]:
    """The ratio is the median of the rounds' ratios; the value is messages per second."""
    rounds = _rounds(ledger, sizes=(_BATCH,))
    loop, ours = rounds["loop"], rounds[_BATCH]
    return [
        Row(
            name="transaction processor, one warm invocation",
            ratio=_ratio(ours, loop),
            value=_median(ours, "per_second"),
            unit="messages/s",
            bar=BAR,
            moonshot=MOONSHOT,
            note=(
                f"batches of {_BATCH}; the loop: {_median(loop, 'per_second'):.0f}/s; "
                f"microseconds for a message: {_each(ours, 'seconds'):.0f}, of which "
                f"{_each(ours, 'cpu_seconds'):.0f} in Python and "
                f"{_each(ours, 'database_seconds'):.0f} in PostgreSQL; the loop: "
                f"{_each(loop, 'seconds'):.0f}, of which {_each(loop, 'cpu_seconds'):.0f} in "
                f"Python and {_each(loop, 'stub_seconds'):.0f} in the stub"
            ),
        )
    ]


def _rounds(ledger: Ledger, *, sizes: Sequence[int]) -> dict[int | str, list[Timed]]:
    """Interleaved: the loop, then a batch of each size."""
    login = {"username": PROCESSOR_LOGIN.username, "password": PROCESSOR_LOGIN.password}
    found: dict[int | str, list[Timed]] = {"loop": [], **{size: [] for size in sizes}}
    with running_stub(login) as stub, _worker(ledger, stub) as worker:
        worker.run("loop", batch=100, batches=1)
        for size in sizes:
            worker.run("ours", batch=size, batches=3)
        for _ in range(_ROUNDS):
            found["loop"].append(worker.run("loop", batch=100, batches=_LOOP_MESSAGES // 100))
            for size in sizes:
                found[size].append(worker.run("ours", batch=size, batches=_MESSAGES // size))
    return found


def _ratio(ours: Sequence[Timed], loop: Sequence[Timed]) -> float:
    return statistics.median(a.per_second / b.per_second for a, b in zip(ours, loop, strict=True))


def _median(each: Sequence[Timed], name: str) -> float:
    return statistics.median(float(getattr(timed, name)) for timed in each)


def _each(each: Sequence[Timed], name: str) -> float:
    """Microseconds of one message."""
    return statistics.median(1e6 * float(getattr(timed, name)) / timed.messages for timed in each)


@dataclass(frozen=True, kw_only=True)
class _Worker:
    ledger: Ledger
    stub: Stub
    tasks: IO[str]
    answers: IO[str]

    def run(self, side: str, *, batch: int, batches: int) -> Timed:
        database, stub = self.ledger.server.processor_seconds(), self.stub.cpu_seconds()
        self.tasks.write(json.dumps({"side": side, "batch": batch, "batches": batches}) + "\n")
        self.tasks.flush()
        answer = json.loads(self.answers.readline())
        assert answer["kept"] == 0, f"{answer['kept']} messages were not posted"
        return Timed(
            messages=batch * batches,
            seconds=answer["seconds"],
            cpu_seconds=answer["cpu_seconds"],
            database_seconds=self.ledger.server.processor_seconds() - database,
            stub_seconds=self.stub.cpu_seconds() - stub,
        )


@contextmanager
def _worker(ledger: Ledger, stub: Stub) -> Iterator[_Worker]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.ledger.processor_program", str(ledger.accounts)],
        cwd=ROOT,
        env=_environment(ledger, stub),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # its log
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield _Worker(ledger=ledger, stub=stub, tasks=process.stdin, answers=process.stdout)
        finally:
            process.terminate()


def _environment(ledger: Ledger, stub: Stub) -> dict[str, str]:
    """As Lambda sets it, from the settings that infra writes."""
    postgres, breaker = ledger.server.postgres, BreakerConfig()
    settings = TransactionProcessorSettings(
        database_secret_arn="arn:aws:secretsmanager:us-east-1:000000000000:secret:bench",
        database_writer_host=postgres.address,
        database_reader_host=postgres.address,
        database_port=postgres.port,
        database_name=ledger.name,
        database_ca_file=str(ledger.server.ca_file),
        dead_letter_queue_url=f"{stub.url}/000000000000/transaction-dead-letters-bench",
        transaction_queue_url=f"{stub.url}/000000000000/transaction-queue-bench",
        receives_max=10,
        outcome_bus_name="outcomes-bench",
        breaker_table_name="transaction-breaker-bench",
        breaker_failures_max=breaker.failures_max,
        breaker_pause_first_seconds=breaker.pause_first_seconds,
        breaker_pause_max_seconds=breaker.pause_max_seconds,
        processor_role_id="AROABENCH",
        environment_suffix="bench",
    )
    return {
        "PATH": os.environ["PATH"],
        **settings.to_env(),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL": stub.url,
    }


def main() -> int:
    with database_server() as server:
        rounds = _rounds(server.new_ledger("processor"), sizes=_SIZES)
    page = _page(rounds)
    (RESULTS / "processor.md").write_text(page)
    PROCESSOR.write(_record(rounds))
    print(page)
    return 0


def _record(rounds: dict[int | str, list[Timed]]) -> Processor:
    return Processor(
        run=as_plain_text("python -m bench.ledger.processor"),
        rows=[
            Batch(
                batch=str(name),
                per_second=_median(found, "per_second"),
                times_the_loop=_ratio(found, rounds["loop"]),
                python_us=_each(found, "cpu_seconds"),
                postgres_us=_each(found, "database_seconds"),
                stub_us=_each(found, "stub_seconds"),
            )
            for name, found in rounds.items()
        ],
    )


def _page(rounds: dict[int | str, list[Timed]]) -> str:
    loop = rounds["loop"]
    lines = [
        f"| {name} | {_median(found, 'per_second'):,.0f} | {_ratio(found, loop):.1f} |"
        f" {_each(loop, 'all_cpu_seconds') / _each(found, 'all_cpu_seconds'):.1f} |"
        f" {_each(found, 'seconds'):.0f} | {_each(found, 'cpu_seconds'):.0f} |"
        f" {_each(found, 'database_seconds'):.0f} | {_each(found, 'stub_seconds'):.0f} |"
        for name, found in rounds.items()
    ]
    table = "\n".join(lines)
    return f"""# One warm invocation of the transaction processor

{described("python -m bench.ledger.processor")}. Medians of {_ROUNDS}
interleaved rounds. The loop is one put in DynamoDB and one in S3 for each message, as samples do
it; both go to a stub on the same machine that only says yes, over HTTP without TLS.

| batch | messages/s | times the loop | by CPU | µs for a message | Python | PostgreSQL | stub |
|---|---|---|---|---|---|---|---|
{table}

![Messages per second, and processor time for a message, by batch](processor.svg)

The last three columns are processor time, and "by CPU" is the ratio of their sums: on a busy
machine the loop waits more often than a batch does, which the ratio of the times exaggerates. The
processor's calls go over TLS to PostgreSQL with fsync; each batch is one call, one commit and one
read of the breaker's item.
"""


if __name__ == "__main__":
    sys.exit(main())
