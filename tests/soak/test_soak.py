"""The negative control: a soak in which something is broken silently finds each of it."""

from pathlib import Path

from soak.report import repeat_command, report
from soak.run import Soak, run
from soak.sabotage import Break

BROKEN = Soak(seed=5, seconds=3, has_faults=False, breaks=[*Break])


def test_what_is_lost_doubled_or_altered_is_found(tmp_path: Path) -> None:
    result = run(BROKEN, tmp_path)
    found = [problem.what for problem in result.problems]
    assert "not broken, as asked" not in found
    assert "a message is lost: neither in the ledger nor a dead letter" in found
    # The copy of double-object also alters the chain: the kind alone does not prove altered-object.
    assert {"verification: altered transaction", "verification: double transaction"} <= {*found}
    missing = {
        problem.subject.partition(":")[0]
        for problem in result.problems
        if problem.what == "verification: missing batch"
    }
    assert len(missing) == 2  # of lost-batch and of lost-object
    assert "NOT consistent" in report(result)
    history = result.history
    assert len(history.seconds) == len(history.sent) == len(history.recorded) > 1
    assert history.recorded == sorted(history.recorded), "the ledger only grows"
    assert 0 < history.recorded[-1] <= result.transactions


def test_the_report_names_the_command_that_repeats_the_run() -> None:
    soak = Soak(seed=7, seconds=60, breaks=[Break.LOST_BATCH])
    assert repeat_command(soak) == "make soak SECONDS=60 SEED=7 BREAK=lost-batch"
