"""Moments are written so that people and comparisons can read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from branch_hub.moments import age, as_text, parse_moment

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)


def test_a_moment_is_written_in_utc_and_read_back() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))

    assert as_text(elsewhere) == "2026-11-22T03:00:00Z"
    assert parse_moment(as_text(elsewhere)) == NOW


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (timedelta(days=13, hours=23), "13 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=23), "23 hours"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(0), "0 minutes"),
        (-timedelta(days=1), "0 minutes"),
    ],
)
def test_an_age_is_in_its_largest_unit(since: timedelta, text: str) -> None:
    assert age(NOW - since, NOW) == text
