from datetime import UTC, datetime, timedelta

import pytest

from operations.dead_letters.report import age

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(days=13, hours=23, minutes=59), "13 d 23 h"),
        (timedelta(hours=2, minutes=5, seconds=59), "2 h 5 min"),
        (timedelta(seconds=61), "1 min 1 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=-3), "0 s"),  # the clocks of SQS and of this machine differ
    ],
)
def test_s43_an_age_is_shown_in_its_two_largest_units(passed: timedelta, text: str) -> None:
    assert age(NOW - passed, now=NOW) == text
