"""`POST /transactions`, as multiples of R: the best of 16 and 32 pgbench clients that call our own
posting function with one transaction each, in the same run."""

from statistics import median

from bench.ledger.bed import Bed
from bench.ledger.pgbench import posting_script
from bench.ledger.row import Row
from bench.ledger.samples import (
    Load as Turn,
)
from bench.ledger.samples import (
    Samples,
    best_of,
    median_ratio,
    processor_note,
    throughput,
)
from bench.ledger.wrk import Load

CONNECTIONS = 64
CLIENTS = (16, 32)
HOT_ACCOUNTS = 10
SHARE_OF_FULL_LOAD = 0.7
POST = "post"
_PLAIN, _HOT, _IDLE, _PACED = "post, plain", "post, hot", "one idle request", "post, 70 %"
_IDLE_PER_SECOND = 30


def calls(clients: int, *, accounts: str = "") -> str:
    """The name of a load of pgbench."""
    return f"calls of {clients} clients{accounts}"


def turns(bed: Bed) -> dict[str, Turn]:
    def call(clients: int, accounts: int) -> Turn:
        script = posting_script(accounts=accounts)
        return lambda _: bed.caller.load(
            script, clients=clients, transactions=1, seconds=bed.seconds
        )

    everything = Load(connections=CONNECTIONS, accounts=bed.accounts)
    hot = Load(connections=CONNECTIONS, accounts=HOT_ACCOUNTS)
    idle = Load(connections=1, accounts=bed.accounts, rate=_IDLE_PER_SECOND)

    def paced(samples: Samples) -> Load:
        rate = SHARE_OF_FULL_LOAD * samples[POST][-1].per_second
        return Load(connections=CONNECTIONS, accounts=bed.accounts, rate=rate)

    return {
        **{calls(clients): call(clients, bed.accounts) for clients in CLIENTS},
        POST: lambda _: bed.service.load(everything, seconds=bed.seconds),
        _PLAIN: lambda _: bed.plain.load(everything, seconds=bed.seconds),
        _PACED: lambda samples: bed.service.load(paced(samples), seconds=bed.seconds),
        _IDLE: lambda _: bed.service.load(idle, seconds=bed.seconds),
        **{calls(clients, accounts=", hot"): call(clients, HOT_ACCOUNTS) for clients in CLIENTS},
        _HOT: lambda _: bed.service.load(hot, seconds=bed.seconds),
    }


def reference(samples: Samples, *, accounts: str = "") -> list[float]:
    """R of each round."""
    first, second = (samples[calls(clients, accounts=accounts)] for clients in CLIENTS)
    return best_of(first, second)


def rows(samples: Samples) -> list[Row]:
    r, hot_r = reference(samples), reference(samples, accounts=", hot")
    return [
        Row(
            name="R: pgbench, one transaction in each call of the posting function",
            ratio=1.0,
            value=median(r),
            unit="transactions/s",
            bar=None,
            moonshot=None,
            note=processor_note(samples[calls(CLIENTS[-1])]),
        ),
        _posting("POST /transactions", POST, samples, r, bar=1.7, moonshot=2.5),
        _posting(
            "POST /transactions, no TLS to the client", _PLAIN, samples, r, bar=2.3, moonshot=3.2
        ),
        _latency(samples),
        _posting(
            "POST /transactions, 10 hot accounts, to R on them",
            _HOT,
            samples,
            hot_r,
            bar=5,
            moonshot=10,
            more=f"; R on them {median(hot_r):.0f}/s",
        ),
    ]


def _posting(
    name: str,
    turn: str,
    samples: Samples,
    r: list[float],
    *,
    bar: float,
    moonshot: float,
    more: str = "",
) -> Row:
    found = samples[turn]
    return Row(
        name=name,
        ratio=median_ratio(throughput(found), r),
        value=median(throughput(found)),
        unit="transactions/s",
        bar=bar,
        moonshot=moonshot,
        note=f"p50 {median(s.p50_ms for s in found):.1f} ms,"
        f" p99 {median(s.p99_ms for s in found):.1f} ms; {processor_note(found)}{more}",
    )


def _latency(samples: Samples) -> Row:
    idle = [sample.p50_ms for sample in samples[_IDLE]]
    slow = [sample.p99_ms for sample in samples[_PACED]]
    return Row(
        name="p99 of POST /transactions at 70 % of that load, to the median of one idle request",
        ratio=median_ratio(slow, idle),
        value=median(slow),
        unit="ms",
        bar=10,
        moonshot=5,
        note=f"idle {median(idle):.2f} ms; {median(throughput(samples[_PACED])):.0f}/s answered",
    )
