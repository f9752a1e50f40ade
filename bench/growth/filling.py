"""Ledgers with millions of transactions, which are written in minutes.

`filling.sql` writes the rows that the posting function would have written. `differences` compares
them with what it writes.
"""

import asyncio
import datetime as dt
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from app_service.ledger import actor
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.posting.posting import post_transactions
from bench.growth.identifiers import Ids
from bench.growth.ledgers import DATABASE, Connection, RunningLedger, copy, running

ACCOUNTS = 100_000
MILLION = 1_000_000
BENCH = actor.Actor(client_id="bench", user_id="bench", path=actor.Path.API, role=actor.Role.POSTER)
_CALL = 32  # transactions of a posting call that the fill imitates
_AT_ONCE = 250_000
_SLICES = 20
_COMPARED = 100 * _CALL
_COMPARED_ACCOUNTS = 50
_FOLDER = Path(__file__).parent
_FILLING, _VERIFYING, _SIZES = (
    (_FOLDER / name).read_text() for name in ("filling.sql", "verifying.sql", "sizes.sql")
)
_SETTINGS = {  # nothing of it has to survive a crash
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "1GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
}
# The rows in the order in which they lie on disk, without their times, and which have one time.
_ROWS = (
    "SELECT to_jsonb(t) - 'posted_at' FROM ledger.transactions t ORDER BY t.ctid",
    "SELECT to_jsonb(e) FROM ledger.entries e ORDER BY e.ctid",
    "SELECT to_jsonb(a) - 'created_at' - 'last_posted_at' || jsonb_build_object('posted',"
    " last_posted_at IS NOT NULL) FROM ledger.accounts a ORDER BY a.account_id",
    "SELECT array_agg(transaction_id ORDER BY ctid) FROM ledger.transactions"
    " GROUP BY posted_at ORDER BY posted_at",
    "SELECT to_jsonb(h) FROM ledger.holds h",
)


class WrongRows(Exception):
    """A filled ledger is not what the posting function would have left."""


def data_dir(folder: Path, ids: Ids, millions: int) -> Path:
    return folder / f"{ids}-{millions}"


def is_filled(folder: Path, ids: Ids, millions: Sequence[int]) -> bool:
    """True if `folder` holds the ledgers of an earlier run."""
    return all(data_dir(folder, ids, size).exists() for size in (0, *millions))


async def fill(folder: Path, ids: Ids, millions: Sequence[int]) -> None:
    """Write the ledgers of these sizes into `folder`, and an empty one. Raises WrongRows."""
    started = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    work = folder / f"{ids}-filling"
    shutil.rmtree(work, ignore_errors=True)  # of a run that was stopped
    async with running(work, settings=_SETTINGS, is_nice=True) as ledger:
        await ledger.create(DATABASE, accounts=ACCOUNTS)
        if wrong := await differences(ledger, ids):
            raise WrongRows(wrong)
    held = 0
    for size in sorted({0, *millions}):
        async with (
            running(work, settings=_SETTINGS, is_nice=True) as ledger,
            ledger.connection() as connection,
        ):
            await write(connection, ids, started, first=held, count=size * MILLION - held)
            held = size * MILLION
            await connection.execute("VACUUM (ANALYZE, FREEZE) ledger.transactions, ledger.entries")
            await connection.execute("VACUUM (ANALYZE) ledger.accounts")
            if found := await problems(connection):
                raise WrongRows("; ".join(found))
        if size == max(millions):
            work.rename(data_dir(folder, ids, size))
        else:
            await asyncio.to_thread(copy, work, data_dir(folder, ids, size))
        print(f"filled: {ids}, {size} million", flush=True)


async def write(
    connection: Connection,
    ids: Ids,
    started: dt.datetime,
    *,
    first: int,
    count: int,
    accounts: int = ACCOUNTS,
) -> None:
    """Transfers number `first` to `first + count - 1`, as if posted since `started`."""
    await connection.execute(_FILLING)
    await connection.execute(
        "INSERT INTO growth.accounts SELECT account_id, balance_minor, version, last_posted_at"
        " FROM ledger.accounts; ANALYZE growth.accounts"
    )
    for begin in range(first, first + count, _AT_ONCE):
        at_once = min(_AT_ONCE, first + count - begin)
        await connection.execute(
            "CALL growth.fill($1, $2, $3, $4, $5, $6)",
            *(begin, at_once, _CALL, accounts, started, str(ids)),
        )
    for number in range(_SLICES):
        await connection.execute("CALL growth.write_accounts($1, $2)", number, _SLICES)
    await connection.execute("DROP SCHEMA growth CASCADE")


async def problems(connection: Connection) -> list[str]:
    """What is wrong in the ledger: sums, balances, versions, entries."""
    return [row["problem"] for row in await connection.fetch(_VERIFYING)]


async def sizes(folder: Path, ids: Ids, millions: int) -> dict[str, float]:
    """Bytes for each transaction, of each table and index that grows, in a filled ledger."""
    async with (
        running(data_dir(folder, ids, millions), settings={}) as ledger,
        ledger.connection() as connection,
    ):
        return {row["name"]: row["bytes_each"] for row in await connection.fetch(_SIZES)}


async def differences(ledger: RunningLedger, ids: Ids) -> str:
    """Empty if the posting function writes the rows that the fill writes for the same transfers."""
    started = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    rows = []
    for database in ("filled", "posted"):
        await ledger.create(database, accounts=_COMPARED_ACCOUNTS)
        async with ledger.connection(database) as connection:
            if database == "filled":
                await write(
                    connection,
                    ids,
                    started,
                    first=0,
                    count=_COMPARED,
                    accounts=_COMPARED_ACCOUNTS,
                )
            else:
                await _post(connection, ids, started)
            rows.append([[row[0] for row in await connection.fetch(sql)] for sql in _ROWS])
        async with ledger.connection("postgres") as connection:
            await connection.execute(f"DROP DATABASE {database}")
    filled, posted = rows
    for sql, by_fill, by_function in zip(_ROWS, filled, posted, strict=True):
        if len(by_fill) != len(by_function):
            return f"{len(by_fill)} rows instead of {len(by_function)}: {sql}"
        for one, other in zip(by_fill, by_function, strict=True):
            if one != other:
                return f"{one} instead of {other}"
    return ""


async def _post(connection: Connection, ids: Ids, started: dt.datetime) -> None:
    await connection.execute(_FILLING)
    rows = await connection.fetch(
        "SELECT transaction_id, debit_account, credit_account, amount_minor"
        " FROM growth.transfers(0, $1, $2, $3, $4, $5) ORDER BY place",
        *(_COMPARED, _CALL, _COMPARED_ACCOUNTS, started, str(ids)),
    )
    await connection.execute("DROP SCHEMA growth CASCADE")
    for first in range(0, len(rows), _CALL):
        await post_transactions(
            connection,  # type: ignore[arg-type]
            submissions(Transaction(**row, currency="USD") for row in rows[first : first + _CALL]),
            lock_wait_ms=1000,
        )


def submissions(transactions: Iterable[Transaction]) -> list[Submission]:
    return [Submission(transaction=each, actor=BENCH) for each in transactions]
