"""FROM and TO of a command."""

from datetime import UTC, datetime

import pytest

from operations.time_range import BadTimeRange, parse_time_range


def test_moments_are_compared_as_moments_and_not_as_texts() -> None:
    """As texts, a part of a second comes before its second, and 10:00 after 09:30 further east."""
    assert parse_time_range("2026-11-26T08:00:00Z", "2026-11-26T08:00:00.5Z") == (
        datetime(2026, 11, 26, 8, tzinfo=UTC),
        datetime(2026, 11, 26, 8, 0, 0, 500_000, tzinfo=UTC),
    )
    assert parse_time_range("2026-11-26T10:00:00+02:00", "2026-11-26T09:30:00Z") == (
        datetime(2026, 11, 26, 8, tzinfo=UTC),
        datetime(2026, 11, 26, 9, 30, tzinfo=UTC),
    )


def test_either_may_be_left_out() -> None:
    assert parse_time_range("", "") == (None, None)
    assert parse_time_range("", "2026-11-26T08:00:00Z")[0] is None


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        ("yesterday", "", "FROM='yesterday': must be a time with its zone"),
        ("", "2026-11-26T08:00:00", "TO='2026-11-26T08:00:00': must be a time with its zone"),
        ("2026-11-26T08:00:00Z", "2026-11-26T08:00:00Z", "is not before TO="),
    ],
)
def test_s68_a_wrong_range_is_an_error_that_says_the_rule(
    start: str, end: str, problem: str
) -> None:
    with pytest.raises(BadTimeRange, match=problem):
        parse_time_range(start, end)
