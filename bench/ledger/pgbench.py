"""Runs pgbench over TLS, with the posting function of this project or with a peer's script."""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app_service.database.session_settings import session_settings
from bench.ledger.processor_time import tree_seconds
from bench.ledger.programs import path_of
from bench.ledger.server import DatabaseServer
from bench.ledger.submitted_row import call_sql, row_sql
from lambda_src.shared.credentials import Credentials

WARM_UP_SECONDS = 2
_PROGRESS = re.compile(r"progress: ([\d.]+) s, ([\d.]+) tps")
_STATEMENT_TIMEOUT_SECONDS = 5.0
# As UUIDv7: the time in milliseconds, then random bits.
_NEW_ID = (
    "CAST(lpad(to_hex(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)), 12, '0')"
    " || '7' || right(replace(CAST(gen_random_uuid() AS text), '-', ''), 19) AS uuid)"
)


class CallsFailed(Exception):
    """pgbench ended with an error or counted failed calls; the message has its output."""


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What pgbench counts: one run of the script is one call.

    A new connection plans the function at its first call, which takes longer than hundreds of later
    ones. A service keeps its connections, and so the first seconds do not count: `calls` and
    `failed` are of the whole run, the rest is of the time after `WARM_UP_SECONDS`.
    """

    calls: int
    failed: int  # lost a race: a deadlock or a serialization failure
    per_second: float
    postgres_us: float  # processor time of a call
    generator_us: float


@dataclass(frozen=True, kw_only=True)
class Second:
    """A line about progress, and the processor seconds used until then."""

    at: float
    per_second: float
    postgres: float
    generator: float


def posting_script(*, accounts: int) -> str:
    """One transfer between two random accounts in each call."""
    row = row_sql(
        {
            "transaction_id": _NEW_ID,
            "debit_account": "CAST(:debit AS bigint)",
            "credit_account": "CAST(:credit AS bigint)",
        }
    )
    return (
        f"\\set debit random(1, {accounts})\n"
        f"\\set credit 1 + (:debit + random(0, {accounts - 2})) % {accounts}\n"
        f"{call_sql(f'ARRAY[{row}]', origins='ARRAY[gen_random_uuid()]')};\n"
    )


def batch_script(*, accounts: int, size: int) -> str:
    """`size` transfers in each call. The database chooses the accounts: pgbench has no arrays."""
    row = row_sql(
        {
            "transaction_id": _NEW_ID,
            "debit_account": "debit",
            "credit_account": (
                f"(debit + CAST(floor(random() * {accounts - 1}) AS bigint)) % {accounts} + 1"
            ),
        }
    )
    debits = (
        f"SELECT 1 + CAST(floor(random() * {accounts}) AS bigint) AS debit"
        f" FROM generate_series(1, {size})"
    )
    origins = f"ARRAY(SELECT gen_random_uuid() FROM generate_series(1, {size}))"
    return f"{call_sql(f'ARRAY(SELECT {row} FROM ({debits}) d)', origins=origins)};\n"


def run_pgbench(
    server: DatabaseServer,
    *,
    database: str,
    login: Credentials,
    script: str,
    clients: int,
    seconds: int,
) -> Calls:
    """Measure for `seconds` after the first ones. Raises ProgramMissing, or CallsFailed."""
    with tempfile.TemporaryDirectory(prefix="bench-pgbench-") as folder:
        file = Path(folder) / "calls.pgbench"
        file.write_text(script)
        process = subprocess.Popen(
            [
                path_of("pgbench"),
                "--no-vacuum",
                "--protocol=prepared",
                "--progress=1",
                f"--client={clients}",
                "--jobs=2",
                f"--time={WARM_UP_SECONDS + seconds}",
                f"--file={file}",
            ],
            env=_environment(server, database, login),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        watchdog = threading.Timer(WARM_UP_SECONDS + seconds + 60, process.kill)
        watchdog.start()
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            lines, passed = [], []
            for line in process.stderr:
                lines.append(line)
                if (found := _PROGRESS.match(line)) is not None:
                    passed.append(
                        Second(
                            at=float(found[1]),
                            per_second=float(found[2]),
                            postgres=server.processor_seconds(),
                            generator=tree_seconds(process.pid),
                        )
                    )
            output = process.stdout.read()
        watchdog.cancel()
    if process.returncode != 0:
        raise CallsFailed(f"pgbench ended with {process.returncode}: {''.join(lines)[-2000:]}")
    return calls_of(output, passed)


def calls_of(output: str, passed: Sequence[Second]) -> Calls:
    """Reads the report that pgbench prints. Raises CallsFailed."""
    calls = re.search(r"number of transactions actually processed: (\d+)", output)
    failed = re.search(r"number of failed transactions: (\d+)", output)
    warm = [second for second in passed if second.at >= WARM_UP_SECONDS - 0.5]
    if calls is None or failed is None or len(warm) < 2:  # a start and an end
        raise CallsFailed(f"pgbench reports no calls: {output[-2000:]}")
    first, last = warm[0], warm[-1]
    previous = [second.at for second in warm]
    counted = sum(
        second.per_second * (second.at - at) for second, at in zip(warm[1:], previous, strict=False)
    )
    if counted == 0:
        raise CallsFailed(f"pgbench made no calls after {WARM_UP_SECONDS} s: {output[-2000:]}")
    return Calls(
        calls=int(calls[1]),
        failed=int(failed[1]),
        per_second=counted / (last.at - first.at),
        postgres_us=1_000_000 * (last.postgres - first.postgres) / counted,
        generator_us=1_000_000 * (last.generator - first.generator) / counted,
    )


def _environment(server: DatabaseServer, database: str, login: Credentials) -> dict[str, str]:
    """The same session settings as the service has, and a verified certificate."""
    settings = session_settings(statement_timeout_seconds=_STATEMENT_TIMEOUT_SECONDS)
    options = (f"-c {name}={value}" for name, value in settings.items() if value)
    escaped = (each[:3] + each[3:].replace(" ", "\\ ") for each in options)
    return {
        "PATH": os.environ["PATH"],
        "PGHOST": server.postgres.address,
        "PGPORT": str(server.postgres.port),
        "PGDATABASE": database,
        "PGUSER": login.username,
        "PGPASSWORD": login.password,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(server.ca_file),
        "PGOPTIONS": " ".join(escaped),
    }
