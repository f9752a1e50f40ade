"""Filter patterns of logs with several terms of which one is enough: MiniStack asks for all."""

import re
from collections.abc import Callable
from typing import Any, Final

_TERMS: Final = re.compile(r'\?"[^"]+"|\?[^\s"?]+')


def correct_log_patterns() -> None:
    """Let `?"a" ?"b"` find the lines with one of them, as CDK's FilterPattern.any_term writes it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    from ministack.services import cloudwatch_logs  # noqa: PLC0415

    compile_others = cloudwatch_logs._compile_filter_pattern

    def compile_pattern(pattern: str) -> Any:
        found = _TERMS.findall(pattern)
        if not found or _TERMS.sub("", pattern).strip():
            return compile_others(pattern)
        return _any_of([term[1:].strip('"') for term in found])

    cloudwatch_logs._compile_filter_pattern = compile_pattern


def _any_of(terms: list[str]) -> Callable[[str], bool]:
    return lambda line: any(term in line for term in terms)
