import pytest

from bench.ledger.pgbench import WARM_UP_SECONDS, CallsFailed, Second, calls_of

_REPORT = """\
number of transactions actually processed: 12345
number of failed transactions: 2 (0.016%)
tps = 999.0 (without initial connection time)
"""


def _passed(*rates: float) -> list[Second]:
    """Lines at 1 s, 2 s, ...; PostgreSQL uses half of a core, pgbench a tenth."""
    return [
        Second(at=at, per_second=rate, postgres=0.5 * at, generator=0.1 * at)
        for at, rate in enumerate(rates, start=1)
    ]


def test_what_the_first_seconds_cost_does_not_count() -> None:
    cold, warm = [10.0] * WARM_UP_SECONDS, [1000.0, 3000.0]
    calls = calls_of(_REPORT, _passed(*cold, *warm))

    assert calls.per_second == 2000
    assert calls.postgres_us == pytest.approx(250)
    assert calls.generator_us == pytest.approx(50)


def test_calls_and_failures_are_of_the_whole_run() -> None:
    calls = calls_of(_REPORT, _passed(10, 10, 1000))

    assert (calls.calls, calls.failed) == (12345, 2)


@pytest.mark.parametrize(
    ("report", "rates"), [("", [10, 10, 1000]), (_REPORT, [10, 10]), (_REPORT, [10, 10, 0])]
)
def test_a_run_without_calls_fails(report: str, rates: list[float]) -> None:
    with pytest.raises(CallsFailed):
        calls_of(report, _passed(*rates))
