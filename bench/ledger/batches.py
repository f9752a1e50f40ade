"""`POST /transactions/batch` of 100, as a multiple of R (see `postings`)."""

from statistics import median

from bench.ledger import postings
from bench.ledger.bed import Bed
from bench.ledger.pgbench import batch_script
from bench.ledger.row import Row
from bench.ledger.samples import Load as Turn
from bench.ledger.samples import Samples, median_ratio, processor_note, throughput
from bench.ledger.wrk import Load

SIZE = 100
_CONNECTIONS = 8
_BATCHES, _CALLS = "batches", "calls of 8 clients, 100 each"


def turns(bed: Bed) -> dict[str, Turn]:
    load = Load(connections=_CONNECTIONS, accounts=bed.accounts, transactions=SIZE)
    script = batch_script(accounts=bed.accounts, size=SIZE)
    return {
        _BATCHES: lambda _: bed.service.load(load, seconds=bed.seconds),
        _CALLS: lambda _: bed.caller.load(
            script, clients=_CONNECTIONS, transactions=SIZE, seconds=bed.seconds
        ),
    }


def rows(samples: Samples) -> list[Row]:
    r = postings.reference(samples)
    batches, calls = samples[_BATCHES], samples[_CALLS]
    return [
        Row(
            name="POST /transactions/batch of 100",
            ratio=median_ratio(throughput(batches), r),
            value=median(throughput(batches)),
            unit="transactions/s",
            bar=6,
            moonshot=7,
            note=f"p50 {median(s.p50_ms for s in batches):.1f} ms,"
            f" p99 {median(s.p99_ms for s in batches):.1f} ms; {processor_note(batches)}",
        ),
        Row(
            name="pgbench, 100 transactions in each call",
            ratio=median_ratio(throughput(calls), r),
            value=median(throughput(calls)),
            unit="transactions/s",
            bar=None,
            moonshot=None,
            note=processor_note(calls),
        ),
    ]
