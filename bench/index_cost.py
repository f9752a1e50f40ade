"""What the ledger's indexes cost a posting: `python -m bench.index_cost`.

It posts the same transactions with an index and without it, each time into a fresh copy of a ledger
that holds transactions already, and counts the processor time of PostgreSQL and the bytes of WAL. A
busy machine disturbs a duration more than these; of several runs the smallest value counts. Writes
`bench/results/index-cost.md`. It checks no limits.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil

from app_service.ledger import actor
from app_service.ledger.kinds import Kind
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.posting.posting import post_transactions
from bench.pictures.index_cost import INDEX_COST, Index, IndexCost
from bench.pictures.record import RESULTS
from bench.run_description import as_plain_text, described
from lambda_src.schema_migrator.migrations import read_migrations
from local_cloud.addresses import free_port
from local_cloud.postgres import PostgresServer

ROOT = Path(__file__).parents[1]
_POSTED_BEFORE = 200_000
_POSTED = 20_000
_CALL = 1000
_RUNS = 3
_ACCOUNTS = 1000
_BENCH = actor.Actor(
    client_id="bench", user_id="bench", path=actor.Path.API, role=actor.Role.OPERATOR
)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one transaction."""

    microseconds: float
    wal_bytes: float


@dataclass(frozen=True, kw_only=True)
class Row:
    what: str
    index: str
    present: Cost
    absent: Cost


def main() -> int:
    with _server() as server:
        rows = list(asyncio.run(_measure(server)))
    (RESULTS / "index-cost.md").write_text(_report(rows))
    INDEX_COST.write(_record(rows))
    return 0


async def _measure(server: PostgresServer) -> Sequence[Row]:
    await _fill(server)
    plain = [_transfer(number) for number in range(_POSTED)]
    referring = [replace(each, reference=f"order {uuid4()}") for each in plain]
    refused = [replace(each, amount_minor=2**52) for each in plain]
    holds = [replace(each, kind=Kind.HOLD, expires_in_seconds=3600) for each in plain]
    captures = [
        Transaction(transaction_id=uuid4(), kind=Kind.CAPTURE, target_id=each.transaction_id)
        for each in holds
    ]
    reversals = [
        Transaction(transaction_id=uuid4(), kind=Kind.REVERSAL, target_id=each.transaction_id)
        for each in plain
    ]
    rows = []
    for what, index, before, posted in (
        ("transfer", "transactions_by_reference", [], plain),
        ("transfer", "transactions_by_target", [], plain),
        ("transfer", "refusals_by_account", [], plain),
        ("transfer with a reference", "transactions_by_reference", [], referring),
        ("refused transfer", "refusals_by_account", [], refused),
        ("hold", "holds_by_debit_account", [], holds),
        ("hold", "holds_by_credit_account", [], holds),
        ("hold", "pending_holds_by_expiry", [], holds),
        ("capture", "holds_by_debit_account", holds, captures),
        ("capture", "holds_by_credit_account", holds, captures),
        ("capture", "transactions_by_target", holds, captures),
        ("reversal", "transactions_by_target", plain, reversals),
        ("reversal", "reversed_once", plain, reversals),
    ):
        runs = [
            [await _cost(server, dropped, before, posted) for dropped in (None, index)]
            for _ in range(_RUNS)
        ]
        present, absent = (_smallest(costs) for costs in zip(*runs, strict=True))
        rows.append(Row(what=what, index=index, present=present, absent=absent))
        print(rows[-1])
    return rows


def _smallest(costs: Sequence[Cost]) -> Cost:
    return Cost(
        microseconds=min(cost.microseconds for cost in costs),
        wal_bytes=min(cost.wal_bytes for cost in costs),
    )


def _transfer(number: int) -> Transaction:
    debit = number % _ACCOUNTS + 1
    return Transaction(
        transaction_id=uuid4(),
        debit_account=debit,
        credit_account=debit % _ACCOUNTS + 1,
        amount_minor=1,
        currency="USD",
    )


async def _fill(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE DATABASE filled")
    await connection.close()
    connection = await asyncpg.connect(_dsn(server, "filled"))
    for migration in read_migrations(ROOT / "app_service" / "migrations"):
        for query in migration.outside or [migration.sql]:
            await connection.execute(query)
    await connection.execute(
        "INSERT INTO ledger.accounts (account_id, currency) SELECT n, 'USD'"
        f" FROM generate_series(1, {_ACCOUNTS}) n;"
        "UPDATE ledger.accounts SET balance_minor = 1000000000"
    )
    referring = (
        replace(_transfer(number), reference=f"order {uuid4()}") for number in range(_POSTED_BEFORE)
    )
    await _post(connection, list(referring))
    await connection.close()


async def _post(connection: asyncpg.Connection, transactions: Sequence[Transaction]) -> None:
    for first in range(0, len(transactions), _CALL):
        await post_transactions(
            connection,  # type: ignore[arg-type]
            [
                Submission(transaction=each, actor=_BENCH)
                for each in transactions[first : first + _CALL]
            ],
            lock_wait_ms=1000,
        )


async def _cost(
    server: PostgresServer,
    dropped: str | None,
    before: Sequence[Transaction],
    posted: Sequence[Transaction],
) -> Cost:
    admin = await asyncpg.connect(server.dsn)
    await admin.execute("CREATE DATABASE measured TEMPLATE filled STRATEGY file_copy")
    connection = await asyncpg.connect(_dsn(server, "measured"))
    if dropped is not None:
        await connection.execute(f"DROP INDEX ledger.{dropped}")
    await _post(connection, before)
    await _post(connection, [_transfer(number) for number in range(_CALL)])  # plans, caches
    backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    started = backend.cpu_times(), await _wal_position(connection)
    await _post(connection, posted)
    ended = backend.cpu_times(), await _wal_position(connection)
    await connection.close()
    await admin.execute("DROP DATABASE measured")
    await admin.close()
    seconds = sum(ended[0][:2]) - sum(started[0][:2])
    return Cost(
        microseconds=1_000_000 * seconds / len(posted),
        wal_bytes=(ended[1] - started[1]) / len(posted),
    )


async def _wal_position(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))


def _dsn(server: PostgresServer, database: str) -> str:
    return f"{server.dsn.rpartition('/')[0]}/{database}"


@contextmanager
def _server() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="index-cost-") as folder:
        server = PostgresServer(
            data_dir=Path(folder) / "data",
            address="127.0.0.1",
            port=free_port(),
            password="bench",  # nosec B106 - of a server that lives for minutes
            settings={
                "fsync": "off",
                "autovacuum": "off",
                "full_page_writes": "off",  # Aurora writes no pages to its WAL
                "max_wal_size": "8GB",
                "shared_buffers": "512MB",
            },
        )
        server.initialize()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _record(rows: Sequence[Row]) -> IndexCost:
    return IndexCost(
        run=as_plain_text("python -m bench.index_cost"),
        rows=[
            Index(
                what=row.what,
                index=row.index,
                us_with=row.present.microseconds,
                us_without=row.absent.microseconds,
                wal_with=row.present.wal_bytes,
                wal_without=row.absent.wal_bytes,
            )
            for row in rows
        ],
    )


def _report(rows: Sequence[Row]) -> str:
    lines = "\n".join(
        f"| {row.what} | `{row.index}` | {row.present.microseconds:.1f} |"
        f" {row.absent.microseconds:.1f} | {row.present.wal_bytes:.0f} |"
        f" {row.absent.wal_bytes:.0f} |"
        for row in rows
    )
    return f"""# What the ledger's indexes cost a posting

{described("python -m bench.index_cost")}, PostgreSQL of the local cloud. {_POSTED} transactions in
calls of {_CALL}, in a ledger that holds {_POSTED_BEFORE} with a reference each; the smallest of
{_RUNS} runs. A difference of less than 3 µs is the noise of the measurement; bytes of WAL have
almost none.

| posted | index | µs with it | µs without it | bytes of WAL with it | bytes without it |
|---|---|---|---|---|---|
{lines}

![With each index and without it](index-cost.svg)
"""


if __name__ == "__main__":
    raise SystemExit(main())
