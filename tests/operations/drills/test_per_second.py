"""A drill's timeline in steps of one second."""

import pytest

from operations.drills.per_second import counts, latencies, load_seconds, waiting_for_archive
from tests.operations.drills.timelines import timeline


def test_a_lost_second_is_a_gap() -> None:
    whole = timeline()
    kept = [
        (asked, at)
        for asked, at in zip(whole.asked, whole.acknowledged, strict=True)
        if not 2 <= at < 3
    ]
    lost = timeline(asked=[asked for asked, _ in kept], acknowledged=[at for _, at in kept])

    assert counts(lost.acknowledged, seconds=5) == [3, 3, 0, 3, 3]
    assert [each is None for each in latencies(lost)] == [False, False, True, False, False]


def test_a_wait_counts_in_the_second_of_its_acknowledgement() -> None:
    found = latencies(timeline(asked=[0.1, 2.3], acknowledged=[3.1, 3.3]))

    assert found[0] is None
    assert found[3] is not None
    assert found[3].p50_ms == pytest.approx(1000)
    assert found[3].max_ms == pytest.approx(3000)


def test_half_of_the_waits_are_at_most_the_median() -> None:
    found = latencies(timeline())[0]

    assert found is not None
    assert found.p50_ms == pytest.approx(200)


def test_a_second_that_is_cut_short_is_no_drop() -> None:
    cut = timeline(seconds=4.9)

    assert load_seconds(cut) == 4
    assert len(latencies(cut)) == 4
    assert counts(cut.acknowledged, seconds=4) == [3, 3, 3, 3]


def test_the_lag_is_what_was_acknowledged_and_is_not_in_the_bucket() -> None:
    assert waiting_for_archive(timeline()) == [4, 8, 11, 14, 7, 7, 7, 0]


def test_a_bucket_whose_clock_is_behind_has_no_lag_below_nothing() -> None:
    assert min(waiting_for_archive(timeline(archived=[-0.5] * 17))) == 0
