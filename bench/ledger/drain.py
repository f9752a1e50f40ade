"""How fast the local cloud drains its transaction queue, from the queue to the audit bucket.

    make bench-drain            # TRANSACTIONS=100000 SUFFIX=...; the local cloud must run

Sends transactions to the queue, looks at every stage once a second, and ends when each of them is
in the audit bucket, once and with its contents. Writes `drain.md`, its record `drain.json` and
`drain.svg` in `bench/results/`.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

import pg8000.native

from bench.ledger import drain_report
from bench.ledger.audit_trail import AuditTrail, NotAsSent, check
from bench.ledger.cloud_processes import CloudProcesses
from bench.ledger.drain_report import Drained, Sample
from bench.ledger.drain_sender import Sender, transfers
from bench.ledger.row import Row
from local_cloud.aws import AwsClients
from local_cloud.environments import the_environment
from local_cloud.paths import CloudPaths, state_dir
from local_cloud.server import CloudError, running_cloud

_ACCOUNTS: Final = 10_000
_PERIOD_SECONDS: Final = 1.0
_STALLED_SECONDS: Final = 60.0
_ADMINISTRATOR: Final = "transaction-db-admin"


class Stalled(Exception):
    """For a minute nothing has reached the audit bucket."""


def measure(transactions: int = 100_000, suffix: str = "") -> list[Row]:
    """Raises CloudError, Stalled or NotAsSent."""
    place = _Environment.of(suffix)
    drained = _drain(place, transactions)
    drain_report.write(drained)
    return [
        Row(
            name="queue to verified audit object, local cloud",
            ratio=None,
            value=drained.per_second,
            unit="transactions/s",
            bar=None,
            moonshot=None,
            note=drained.bottleneck,
        )
    ]


@dataclass(frozen=True, kw_only=True)
class _Environment:
    aws: AwsClients
    database: pg8000.native.Connection
    processes: CloudProcesses
    queue_url: str
    bucket: str

    @classmethod
    def of(cls, suffix: str) -> "_Environment":
        paths = CloudPaths(state_dir())
        cloud = running_cloud(paths)
        if cloud is None:
            raise CloudError("the local cloud does not run: `make up` starts it")
        facts = the_environment(paths, cloud, suffix=suffix)
        aws = AwsClients(cloud.endpoint_url)
        secret = aws.secretsmanager.get_secret_value(SecretId=f"{_ADMINISTRATOR}-{facts['suffix']}")
        login = json.loads(secret["SecretString"])
        return cls(
            aws=aws,
            database=pg8000.native.Connection(
                login["username"],
                password=login["password"],
                host=login["host"],
                port=int(login["port"]),
                database=login["dbname"],
                ssl_context=True,
            ),
            processes=CloudProcesses(paths, emulator=cloud.pid, suffix=facts["suffix"]),
            queue_url=facts["TransactionQueueUrl"],
            bucket=facts["AuditBucketName"],
        )

    def open_accounts(self) -> range:
        """New ones, so that nothing but this run posts in them."""
        first = int(self._number("SELECT coalesce(max(account_id), 0) + 1 FROM ledger.accounts"))
        found = range(first, first + _ACCOUNTS)
        self.database.run(
            "INSERT INTO ledger.accounts (account_id, currency, may_go_negative)"
            f" SELECT n, 'USD', true FROM generate_series({found[0]}, {found[-1]}) n"
        )
        return found

    def transactions(self) -> int:
        return self._number("SELECT count(*) FROM ledger.transactions")

    def waiting_in_outbox(self) -> int:
        return self._number(
            "SELECT coalesce(sum(cardinality(transaction_ids)), 0) FROM"
            " (SELECT transaction_ids FROM ledger.outbox_v2"
            " UNION ALL SELECT transaction_ids FROM ledger.unsent_batches) waiting"
        )

    def cpu_seconds(self) -> Counter[str]:
        own: Counter[str] = Counter()
        own["this bench: sends, looks, reads"] = time.process_time()  # type: ignore[assignment]
        return self.processes.seconds() + own

    def _number(self, question: str) -> int:
        [[found]] = self.database.run(question)
        return int(found)

    def depth(self, queue_url: str) -> int:
        """Messages that wait or that a function has."""
        found = self.aws.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(value) for name, value in found["Attributes"].items() if name in names)


def _drain(place: _Environment, count: int) -> Drained:
    sent = transfers(count, place.open_accounts())
    trail = AuditTrail(place.aws, place.bucket)
    sender = Sender(place.aws, place.queue_url, sent)
    posted_before, cpu_before = place.transactions(), place.cpu_seconds()
    started = progressed = time.monotonic()
    samples: list[Sample] = []
    sender.start()
    try:
        while len(trail.records) < count:
            sender.check()
            before = len(trail.records)
            trail.read_new()
            seconds = time.monotonic() - started
            samples.append(
                Sample(
                    seconds=seconds,
                    sent=sender.acknowledged,
                    queued=place.depth(place.queue_url),
                    posted=place.transactions() - posted_before,
                    outbox=place.waiting_in_outbox(),
                    audited=len(trail.records),
                )
            )
            print(drain_report.line(samples[-1]), flush=True)
            now = time.monotonic()
            if len(trail.records) > before:
                progressed = now
            elif now - progressed > _STALLED_SECONDS:
                raise Stalled(f"{len(trail.records)} of {count} are in the audit bucket")
            time.sleep(max(0.0, started + len(samples) * _PERIOD_SECONDS - now))
    finally:
        sender.stop()
    seconds = time.monotonic() - started
    used = place.cpu_seconds() - cpu_before
    check(trail.records, sent)
    return Drained(
        count=count, seconds=seconds, samples=samples, cpu_seconds=used, objects=trail.objects
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger.drain")
    parser.add_argument("--transactions", type=int, default=100_000)
    parser.add_argument("--suffix", default="")
    arguments = parser.parse_args()
    try:
        [row] = measure(arguments.transactions, arguments.suffix)
    except (CloudError, Stalled, NotAsSent) as error:
        print(f"bench-drain: {error}", file=sys.stderr)
        return 1
    print(f"{row.name}: {row.value:.0f} {row.unit}; {row.note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
