"""Stops runs of an environment's pipeline: none may deploy while its stacks are deleted."""

from typing import Any, Final

from botocore.exceptions import ClientError

PIPELINE: Final = "transaction-pipeline"
_RUNNING: Final = ("InProgress", "Stopping")
_NO_PIPELINE: Final = "PipelineNotFoundException"
# The run has ended or was stopped since it was listed.
_TOO_LATE: Final = ("DuplicatedStopRequestException", "PipelineExecutionNotStoppableException")


class PipelineRuns:
    """Needs `codepipeline:ListPipelineExecutions` and `StopPipelineExecution`."""

    def __init__(self, *, codepipeline: Any) -> None:
        self._codepipeline = codepipeline

    def stop(self, suffix: str, *, force: bool) -> int:
        """Stop every run; return how many still run. `force` does not wait for actions."""
        name = f"{PIPELINE}-{suffix}"
        running = self._running(name)
        for run in running:
            if run["status"] == "InProgress" or force:
                self._stop(name, run["pipelineExecutionId"], force)
        return len(running)

    def is_running(self, suffix: str) -> bool:
        return bool(self._running(f"{PIPELINE}-{suffix}"))

    def _running(self, name: str) -> list[Any]:
        pages = self._codepipeline.get_paginator("list_pipeline_executions")
        try:
            return [
                run
                for page in pages.paginate(pipelineName=name)
                for run in page["pipelineExecutionSummaries"]
                if run["status"] in _RUNNING
            ]
        except ClientError as error:
            if error.response["Error"]["Code"] == _NO_PIPELINE:
                return []
            raise

    def _stop(self, name: str, execution_id: str, force: bool) -> None:
        try:
            self._codepipeline.stop_pipeline_execution(
                pipelineName=name,
                pipelineExecutionId=execution_id,
                abandon=force,
                reason="the environment is being deleted",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TOO_LATE:
                raise
