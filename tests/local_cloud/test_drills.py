"""A drill in which nothing may fail detects a request that was sent again."""

from pathlib import Path

from local_cloud.drills.rolling_update import failed_requests
from tests.operations.drills.ledger import drill, the_tenth


def test_b7_a_rolling_update_fails_if_one_request_was_sent_again(tmp_path: Path) -> None:
    _, correct = drill(tmp_path / "correct")
    _, refused = drill(tmp_path / "refused", refuses_once=the_tenth)

    assert failed_requests(correct) == []
    assert "503" in failed_requests(refused)[0]
