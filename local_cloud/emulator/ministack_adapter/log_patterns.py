"""Lets FilterLogEvents of MiniStack find phrases as CloudWatch Logs does.

MiniStack splits a pattern at its spaces and wants every part. AWS takes a phrase in quotes as one
text, and of phrases with a question mark one is enough.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Callable
from typing import Final

_PHRASE: Final = re.compile(r'"([^"]+)"')
_ONE: Final = re.compile(r'"[^"]+"')
_ANY: Final = re.compile(r'\?"[^"]+"(?: +\?"[^"]+")*')


def correct_log_patterns() -> None:
    from ministack.services import cloudwatch_logs  # noqa: PLC0415 - reads the environment

    original: Callable[[str], Callable[[str], bool]] = cloudwatch_logs._compile_filter_pattern

    def compiled(pattern: str) -> Callable[[str], bool]:
        return of_phrases(pattern) or original(pattern)

    cloudwatch_logs._compile_filter_pattern = compiled


def of_phrases(pattern: str) -> Callable[[str], bool] | None:
    """Whether a line has the phrase, or one of those with `?`; None for another kind of pattern."""
    wanted = pattern.strip() if pattern else ""
    if not (_ONE.fullmatch(wanted) or _ANY.fullmatch(wanted)):
        return None
    phrases = _PHRASE.findall(wanted)
    return lambda line: any(phrase in line for phrase in phrases)
