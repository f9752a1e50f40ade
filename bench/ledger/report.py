"""Table, record and picture of a run: `bench/results/ledger.md`, `latest.json`, `ledger.svg`."""

import datetime as dt
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.ledger.programs import path_of
from bench.ledger.row import Row
from bench.pictures.ledger import LEDGER, Goal, Ledger, Offered, number
from bench.pictures.record import RESULTS
from bench.run_description import commit, machine
from local_cloud.paths import ROOT


@dataclass(frozen=True, kw_only=True)
class Run:
    """What produced the rows."""

    command: str
    commit: str
    day: str
    machine: str
    versions: dict[str, str]


def this_run(command: str, *, postgres: str) -> Run:
    return Run(
        command=command,
        commit=commit(),
        day=dt.date.today().isoformat(),
        machine=machine(),
        versions={
            "Python": platform.python_version(),
            "PostgreSQL": postgres,
            **{name: version(name) for name in _packages_of_the_service()},
            "wrk": _program_version("wrk", "-v"),
            "pgbench": _program_version("pgbench", "--version"),
        },
    )


def write(rows: Sequence[Row], curve: Sequence[Offered], run: Run, folder: Path = RESULTS) -> str:
    """The table, which is also in `ledger.md`."""
    table = table_of(rows)
    (folder / "ledger.md").write_text(_page(table, run))
    LEDGER.write(_record(rows, curve, run), folder)
    return table


def table_of(rows: Sequence[Row]) -> str:
    lines = [
        "| what | ratio | value | bar | moonshot | reached | |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        cells = (
            row.name,
            ratio,
            f"{number(row.value)} {row.unit}",
            "" if row.bar is None else f"{row.bar:g}",
            "" if row.moonshot is None else f"{row.moonshot:g}",
            reached(row),
            row.note,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def reached(row: Row) -> str:
    """`moonshot`, `bar`, `no`, or nothing where there is no bar."""
    if row.bar is None:
        return ""
    smaller_is_better = row.moonshot is not None and row.moonshot < row.bar
    sign = -1 if smaller_is_better else 1
    if row.moonshot is not None and sign * row.measured >= sign * row.moonshot:
        return "moonshot"
    return "bar" if sign * row.measured >= sign * row.bar else "no"


def _record(rows: Sequence[Row], curve: Sequence[Offered], run: Run) -> Ledger:
    return Ledger(
        machine=run.machine,
        commit=run.commit,
        day=run.day,
        versions=run.versions,
        rows={
            row.name: Goal(
                ratio=row.ratio,
                value=row.value,
                unit=row.unit,
                bar=row.bar,
                moonshot=row.moonshot,
            )
            for row in rows
        },
        curve=list(curve),
    )


def _page(table: str, run: Run) -> str:
    versions = ", ".join(f"{name} {found}" for name, found in run.versions.items())
    return f"""# The ledger's speed

`{run.command}` at commit {run.commit} on {run.day}: {run.machine}. {versions}.

R is the best of 16 and 32 clients of pgbench that call our own posting function over TLS, one
transaction in each call, in the same run. Ratios are to R unless a row says otherwise; loads take
turns, and medians count. The service runs as its task starts it: one process, TLS to clients, to
PostgreSQL (fsync) and to a stub of SQS and DynamoDB; with a session, logs, metrics and relay. wrk
sends over 64 connections, with one transfer between two random accounts of 100,000 in each request.
After the run the balances sum to zero, and the ledger holds exactly what was acknowledged.
[bench/README.md](../README.md) says more.

{table}
![how far each goal is reached; throughput and latency against the offered load](ledger.svg)
"""


def _packages_of_the_service() -> list[str]:
    lines = (ROOT / "app_service" / "requirements.in").read_text().splitlines()
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines)
    return [name[0] for name in names if name is not None and name[0] != "-r"]


def _program_version(program: str, option: str) -> str:
    done = subprocess.run([path_of(program), option], capture_output=True, text=True, check=False)
    match = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return match[0] if match is not None else "unknown"
