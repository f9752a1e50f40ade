"""How times and states are shown."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from page.rendering import duration, kind, moment


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (-1.0, "0 s"),  # clocks differ
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (3_661, "1 h 1 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_have_their_two_largest_units(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_moments_are_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    assert moment(datetime(2026, 11, 26, 13, tzinfo=berlin)) == "2026-11-26 12:00:00"
    assert moment(datetime(2026, 11, 26, 12, tzinfo=UTC)) == "2026-11-26 12:00:00"


@pytest.mark.parametrize(
    ("state", "colour"),
    [
        ("Succeeded", "good"),
        ("UPDATE_COMPLETE", "good"),
        ("Failed", "bad"),
        ("UPDATE_ROLLBACK_COMPLETE", "bad"),
        ("ROLLBACK_IN_PROGRESS", "bad"),
        ("CREATE_FAILED", "bad"),
        ("InProgress", "busy"),
        ("CREATE_IN_PROGRESS", "busy"),
        ("Waiting", "idle"),
        ("a state of tomorrow", "idle"),
    ],
)
def test_a_state_has_the_colour_of_its_meaning(state: str, colour: str) -> None:
    assert kind(state) == colour
