"""The local cloud finds log lines by phrases as CloudWatch Logs does."""

from collections.abc import Callable

import pytest

from local_cloud.emulator.ministack_adapter.log_patterns import correct_log_patterns

LINE = '{"message": "audit verified", "batches": 9}'
Compile = Callable[[str], Callable[[str], bool]]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Compile:
    from ministack.services import cloudwatch_logs  # noqa: PLC0415 - reads the environment

    original = cloudwatch_logs._compile_filter_pattern
    monkeypatch.setattr(cloudwatch_logs, "_compile_filter_pattern", original)
    correct_log_patterns()
    corrected: Compile = cloudwatch_logs._compile_filter_pattern
    return corrected


@pytest.mark.parametrize(
    ("pattern", "is_found"),
    [
        ('"audit verified"', True),
        ('"verified audit"', False),
        ('?"audit discrepancy" ?"audit verified"', True),
        ('?"audit verified"', True),
        ('?"audit discrepancy" ?"something else"', False),
        ("", True),
        ("verified -discrepancy", True),
        ("verified -batches", False),
    ],
)
def test_a_line_is_found_by_a_phrase_or_by_one_of_several(
    compiled: Compile, pattern: str, is_found: bool
) -> None:
    assert compiled(pattern)(LINE) == is_found
