"""A drill detects a ledger that loses or doubles an acknowledged transaction."""

import json
from collections import Counter
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from operations.drills.acknowledgements import Api, Stream
from operations.drills.audited import problems_of
from tests.operations.drills.ledger import drill, ledger, the_tenth, wait_until
from tests.patience import PATIENCE_SECONDS


def test_b7_a_correct_ledger_passes(tmp_path: Path) -> None:
    assert drill(tmp_path)[0] == 0


def test_b7_a_refused_client_retries_with_the_same_id(tmp_path: Path) -> None:
    code, stream = drill(tmp_path, refuses_once=the_tenth)

    assert code == 0
    assert stream.retries >= 1


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        (["a", "b"], ""),
        (["a"], "not in the audit bucket"),
        (["a", "b", "b"], "more than once"),
    ],
)
def test_b7_each_acknowledged_transaction_is_in_the_audit_bucket_once(
    records: list[str], problem: str
) -> None:
    problems = problems_of(lambda: Counter(records), ["a", "b"], timeout_seconds=0)

    assert bool(problems) == bool(problem)
    assert all(problem in found for found in problems)


def test_b7_a_queue_that_is_away_gets_the_same_message_again(tmp_path: Path) -> None:
    tried: list[str] = []

    def send(message: str) -> None:
        tried.append(message)
        if len(tried) == 1:
            raise EndpointConnectionError(endpoint_url="queue")

    with ledger() as api:
        stream = Stream(api=api, log_file=tmp_path / "log", clients=1, queue=send)
        stream.start()
        wait_until(lambda: len(tried) >= 2)
        acknowledged = stream.stop()

    assert tried[0] == tried[1]
    sent = json.loads(tried[0])["transaction"]["transaction_id"]
    assert acknowledged.count(sent) == 1
    assert stream.faults, "a drill in which nothing may fail sees it"


@pytest.mark.parametrize("fault", ["loses", "doubles"])
def test_b7_one_lost_or_doubled_transaction_fails_the_drill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    code, _ = drill(tmp_path, **{fault: the_tenth})

    assert code == 1
    assert "FAILED" in capsys.readouterr().out


def test_b7_the_reported_outage_is_what_clients_saw() -> None:
    stream = Stream(api=Api(url="", certificate_file=None, client_id="", client_secret=""),
                    log_file=Path("unused"))  # fmt: skip
    stream.answers += [(0, 1), (1, 2), (1, 6), (6, 6.5)]

    assert stream.longest_silence_seconds(since=2.5) == 3.5
    assert stream.longest_wait_seconds(since=2.5) == 5
    assert stream.longest_wait_seconds(since=7) == float("inf")


@pytest.mark.parametrize(
    ("status", "patience_seconds", "failure"),
    [(409, PATIENCE_SECONDS, "409: {}"), (503, 0.1, "no acknowledgement within 0 s")],
)
def test_b7_a_client_that_is_never_acknowledged_is_a_failure(
    tmp_path: Path, status: int, patience_seconds: float, failure: str
) -> None:
    """And a refusal of the request itself is not sent again."""
    with ledger(status=status) as api:
        stream = Stream(
            api=api, log_file=tmp_path / "log", clients=1, patience_seconds=patience_seconds
        )
        stream.start()
        wait_until(lambda: bool(stream.failures))

        assert stream.stop() == []
    assert stream.failures[0] == failure


def test_b7_a_client_asks_again_when_its_connection_ends(tmp_path: Path) -> None:
    code, stream = drill(tmp_path, hangs_up_once=the_tenth)

    assert code == 0
    assert "Connection aborted" in stream.faults[0]


def test_b7_a_queue_that_takes_no_message_is_a_failure(tmp_path: Path) -> None:
    def send(_: str) -> None:
        raise EndpointConnectionError(endpoint_url="queue")

    with ledger() as api:
        stream = Stream(
            api=api, log_file=tmp_path / "log", clients=1, queue=send, queue_patience_seconds=0.1
        )
        stream.start()
        wait_until(lambda: bool(stream.failures))
        stream.stop()

    assert stream.failures == ["queue: took no message within 0 s"]


def test_b7_the_load_is_never_above_its_rate(tmp_path: Path) -> None:
    """But each of the two clients may ask once too early, after a request that was late."""
    with ledger() as api:
        stream = Stream(api=api, log_file=tmp_path / "log", clients=2, requests_per_second=50.0)
        stream.start()
        wait_until(lambda: len(stream.answers) >= 40)
        stream.stop()
    asked = sorted(asked for asked, _ in stream.answers)

    assert asked[39] - asked[0] >= 36 / 50


def test_b7_a_record_that_is_on_its_way_is_waited_for() -> None:
    reads = iter([Counter[str](), Counter("a")])

    assert problems_of(lambda: next(reads), ["a"], look_again_seconds=0) == []
