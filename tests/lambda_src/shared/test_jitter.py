"""S41: retries are spread out."""

import pytest

from lambda_src.shared import jitter


def test_a_pause_is_a_random_part_of_the_given_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    for _ in range(50):
        jitter.pause_up_to(8.0)
    assert len(set(pauses)) > 1
    assert all(0 <= pause < 8.0 for pause in pauses)
