"""Measures the ledger: `make bench-ledger`. Writes `bench/results/`."""

import argparse
import signal
import sys
from contextlib import closing
from itertools import chain
from pathlib import Path

from bench.ledger import batches, load_curve, memory, peer, postings, processor, report, task_start
from bench.ledger.bed import measuring_bed
from bench.ledger.peer import Peer
from bench.ledger.pgbench import CallsFailed
from bench.ledger.programs import ProgramMissing, require_all
from bench.ledger.samples import take_turns
from bench.ledger.server import LedgerBroken
from bench.ledger.wrk import AnswersFailed


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end the programs, as after Ctrl-C
    try:
        require_all()
        _measure(options)
    except (ProgramMissing, AnswersFailed, CallsFailed, LedgerBroken) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _measure(options: argparse.Namespace) -> None:
    other = (
        Peer(schema=options.peer_schema, script=options.peer_script)
        if options.peer_schema and options.peer_script
        else None
    )
    with measuring_bed(seconds=options.seconds) as bed:
        bed.warm_up()
        turns = postings.turns(bed) | batches.turns(bed)
        if other is not None:
            turns |= peer.turns(bed, other)
        samples = take_turns(turns, rounds=options.rounds)
        points = load_curve.measure(bed, samples)
        bed.check()
        others = [each.measure(bed.spare) for each in (processor, memory, task_start)]
        with closing(bed.server.connect("postgres")) as connection:
            [[postgres]] = connection.run("SHOW server_version")
    rows = [*postings.rows(samples), *batches.rows(samples), *chain(*others)]
    if other is not None:
        rows += peer.rows(samples, other)
    run = report.this_run("make bench-ledger", postgres=postgres)
    print(report.write(rows, load_curve.offered(points), run))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each load in a round")
    parser.add_argument("--peer-schema", type=_file, help="SQL of another ledger")
    parser.add_argument(
        "--peer-script", type=_file, help="pgbench script with one of its transfers"
    )
    options = parser.parse_args()
    if bool(options.peer_schema) != bool(options.peer_script):
        parser.error("a peer needs both: its SQL and a script for pgbench")
    return options


def _file(name: str) -> Path | None:
    """A file that exists; nothing for an empty name."""
    if not name:
        return None
    path = Path(name)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{name!r} is no file")
    return path


if __name__ == "__main__":
    sys.exit(main())
