"""Transient errors of a pipeline's actions: these, and no others.

A failed command of a build that runs tests is never one of them. A failed test stays failed. So
does a failed download there, because it cannot be distinguished from a test that needs the network.
The builds of the stage Assets run no test: there, a pull that a registry limits is transient.
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

# In the log of an image build.
REFUSED_PULLS: Final = (
    Transient(
        # The code of a registry's error, as docker prints it: Docker Hub, ECR and ECR Public.
        text="toomanyrequests",
        source="github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes",
    ),
    Transient(
        text="429 Too Many Requests",  # as BuildKit prints the status if there is no such code
        source="docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors.html",
    ),
)


def refused_pull(log: str) -> Transient | None:
    """Return the known error with which a registry refused a pull, or None."""
    text = log.lower()
    return next((known for known in REFUSED_PULLS if known.text.lower() in text), None)


def transient_error(action: Mapping[str, Any]) -> Transient | None:
    """Return the known error with which `action` (of ListActionExecutions) failed, or None."""
    result = action.get("output", {}).get("executionResult", {})
    error = result.get("errorDetails", {})
    texts = f"{error.get('message', '')}\n{result.get('externalExecutionSummary', '')}"
    for known in TRANSIENT:
        if error.get("code") == known.text or known.text in texts:
            return known
    return None
