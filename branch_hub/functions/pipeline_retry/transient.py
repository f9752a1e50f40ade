"""Transient errors of a pipeline's actions: these, and no others.

A failed command of a build is never one of them. A failed test stays failed. So does a failed
download, because it cannot be distinguished from a test that needs the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class Transient:
    """`text` is an error's code or part of its message; `source` documents that it is transient."""

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
        text="Rate exceeded",  # the message of the same error
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/throttling.html",
    ),
    Transient(
        text="AccountLimitExceededException",
        source="docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html",
    ),
)


def transient_error(action: Mapping[str, Any]) -> Transient | None:
    """Return the known error with which `action` (of ListActionExecutions) failed, or None."""
    result = action.get("output", {}).get("executionResult", {})
    error = result.get("errorDetails", {})
    texts = f"{error.get('message', '')}\n{result.get('externalExecutionSummary', '')}"
    for known in TRANSIENT:
        if error.get("code") == known.text or known.text in texts:
            return known
    return None
