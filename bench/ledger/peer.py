"""A peer: another ledger in SQL, called by pgbench on the same server. Nothing of it is kept here.

`PEER_SCHEMA` is SQL that creates it with 1,000 accounts in an empty database. `PEER_SCRIPT` is a
script for pgbench: one transfer between two random ones of them. Both run as the superuser.
"""

import asyncio
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg

from bench.ledger.bed import Bed
from bench.ledger.pgbench import run_pgbench
from bench.ledger.postings import CLIENTS, CONNECTIONS
from bench.ledger.row import Row
from bench.ledger.samples import Load as Turn
from bench.ledger.samples import Sample, Samples, best_of, median_ratio, processor_note, throughput
from bench.ledger.wrk import Load
from lambda_src.shared.credentials import Credentials

ACCOUNTS = 1_000
_DATABASE = "peer"
_OURS = "post, 1,000 accounts"


@dataclass(frozen=True, kw_only=True)
class Peer:
    schema: Path
    script: Path


def turns(bed: Bed, peer: Peer) -> dict[str, Turn]:
    """Creates the peer's database."""
    with closing(bed.server.connect("postgres")) as admin:
        admin.run(f"CREATE DATABASE {_DATABASE}")
    asyncio.run(_load(bed, peer.schema.read_text()))
    script = peer.script.read_text()
    load = Load(connections=CONNECTIONS, accounts=ACCOUNTS)

    def call(clients: int) -> Turn:
        return lambda _: _call(bed, script, clients)

    return {
        **{_name(clients): call(clients) for clients in CLIENTS},
        _OURS: lambda _: bed.service.load(load, seconds=bed.seconds),
    }


def rows(samples: Samples, peer: Peer) -> list[Row]:
    first, second = (samples[_name(clients)] for clients in CLIENTS)
    peers, ours = best_of(first, second), samples[_OURS]
    return [
        Row(
            name=f"POST /transactions, 1,000 accounts, to {peer.schema.stem} through pgbench",
            ratio=median_ratio(throughput(ours), peers),
            value=median(throughput(ours)),
            unit="transactions/s",
            bar=4,
            moonshot=7,
            note=f"the peer {median(peers):.0f}/s, {processor_note(second)};"
            f" ours {processor_note(ours)}",
        )
    ]


def _name(clients: int) -> str:
    return f"peer, {clients} clients"


def _call(bed: Bed, script: str, clients: int) -> Sample:
    calls = run_pgbench(
        bed.server,
        database=_DATABASE,
        login=Credentials(
            username=bed.server.postgres.superuser, password=bed.server.postgres.password
        ),
        script=script,
        clients=clients,
        seconds=bed.seconds,
    )
    return Sample(
        per_second=calls.per_second,
        postgres_us=calls.postgres_us,
        generator_us=calls.generator_us,
    )


async def _load(bed: Bed, schema: str) -> None:
    """As one text: the extended protocol takes one statement at a time."""
    dsn = f"{bed.server.postgres.dsn.rpartition('/')[0]}/{_DATABASE}?sslmode=require"
    connection = await asyncpg.connect(dsn)
    await connection.execute(schema)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
