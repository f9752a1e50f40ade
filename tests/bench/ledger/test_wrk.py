import json
from typing import Any

import pytest

from bench.ledger.wrk import AnswersFailed, answers_of

_FINE = {
    "requests": 3000,
    "microseconds": 2_000_000,
    "p50": 1500,
    "p99": 12_000,
    "longest": 20_000,
    "not_2xx": 0,
    "connect": 0,
    "read": 0,
    "write": 0,
    "timeout": 0,
}


def _output(**changes: Any) -> str:
    return f"Running 2s test\nresult {json.dumps(_FINE | changes)}\n"


def test_a_rate_and_milliseconds() -> None:
    answers = answers_of(_output(), generator_seconds=0.5)

    assert (answers.per_second, answers.p50_ms, answers.p99_ms) == (1500, 1.5, 12)


@pytest.mark.parametrize("failure", ["not_2xx", "connect", "read", "write", "timeout"])
def test_one_failed_answer_fails_the_run_and_is_named(failure: str) -> None:
    with pytest.raises(AnswersFailed, match=f"3000 answers .*{failure}: 1"):
        answers_of(_output(**{failure: 1}))


def test_no_answer_fails_the_run() -> None:
    with pytest.raises(AnswersFailed, match="no answer in 2 s"):
        answers_of(_output(requests=0))


def test_output_without_a_result_is_shown() -> None:
    with pytest.raises(AnswersFailed, match="unable to connect"):
        answers_of("unable to connect to 127.0.0.1:1 Connection refused\n")
