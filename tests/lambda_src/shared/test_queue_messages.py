"""Sends keep to the limits of SQS: ten messages, and 1 MiB together."""

import pytest

from lambda_src.shared.queue_messages import groups

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([1] * 21, [[1] * 10, [1] * 10, [1]]),
        ([MEBIBYTE - 1, 1, 1], [[MEBIBYTE - 1, 1], [1]]),
        ([MEBIBYTE, MEBIBYTE], [[MEBIBYTE], [MEBIBYTE]]),
    ],
)
def test_groups_are_limited_by_number_and_by_size(
    sizes: list[int], expected: list[list[int]]
) -> None:
    assert list(groups(sizes, size_of=lambda size: size)) == expected
