"""Reads the end of the log of a build that publishes assets.

CodePipeline reports only that a command of the build failed; the reason is in the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

STAGE: Final = "Assets"  # its builds run no test
GROUPS: Final = "/aws/codebuild/"  # and the pipeline's name
STREAMS: Final = "assets/"  # and the id of the build
_LAST_LINES: Final = 200


@dataclass(frozen=True, kw_only=True)
class AssetLogs:
    """Needs `logs:GetLogEvents` for the streams of asset builds."""

    logs: "CloudWatchLogsClient"

    def end_of(self, action: Mapping[str, Any], *, pipeline: str) -> str:
        """Return the last lines of the build of `action`, or an empty text if it has no log."""
        result = action.get("output", {}).get("executionResult", {})
        _, _, build = result.get("externalExecutionId", "").partition(":")  # <project>:<build>
        if not build:
            return ""
        try:
            answer = self.logs.get_log_events(
                logGroupName=f"{GROUPS}{pipeline}",
                logStreamName=f"{STREAMS}{build}",
                startFromHead=False,
                limit=_LAST_LINES,
            )
        except self.logs.exceptions.ResourceNotFoundException:
            return ""  # it ended before it wrote a line
        return "".join(event["message"] for event in answer["events"])
