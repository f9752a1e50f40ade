"""Errors of a pipeline's action that pass by themselves: these, and no others.

What a build's own commands do wrong has none of these: a red test stays red, and so does a
download that failed, since nobody can tell it from a test that needs the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class Transient:
    """`text` is an error's code, or stands as a word in its message; `source` says it passes."""

    text: str
    source: str


_COMMON: Final = "docs.aws.amazon.com/codepipeline/latest/APIReference/CommonErrors.html"
TRANSIENT: Final = (
    Transient(
        text="SystemUnavailable",
        source="docs.aws.amazon.com/codepipeline/latest/APIReference/API_FailureDetails.html",
    ),
    Transient(text="InternalFailure", source=_COMMON),
    Transient(text="ServiceUnavailable", source=_COMMON),
    Transient(text="ThrottlingException", source=_COMMON),
    Transient(
        text="Rate exceeded",  # the words of the same, where a service hands on only those
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/throttling.html",
    ),
    Transient(
        text="AccountLimitExceededException",
        source="docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html",
    ),
)


def transient_error(action: Mapping[str, Any]) -> Transient | None:
    """The known error that made `action` (of ListActionExecutions) fail; None for any other."""
    result = action.get("output", {}).get("executionResult", {})
    error = result.get("errorDetails", {})
    said = f"{error.get('message', '')}\n{result.get('externalExecutionSummary', '')}"
    for known in TRANSIENT:
        if error.get("code") == known.text or known.text in said:
            return known
    return None
