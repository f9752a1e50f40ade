"""Deletes resources that remain after a stack: last logs, revisions, snapshots, images."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from branch_hub.functions.shared.pipeline_runs import PipelineRuns
from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.functions.teardown.images import Image, Images
from branch_hub.functions.teardown.names import is_named_for
from branch_hub.functions.teardown.task_definitions import TaskDefinitions

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient

# Prefixes of the log groups to which services of an environment write.
_LOGS: Final = ("/aws/lambda/", "/aws/codebuild/", "/aws/rds/", "/aws/ecs/", "/ecs/")


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Needs `logs:DescribeLogGroups` and `DeleteLogGroup`, `rds:DescribeDBClusterSnapshots` and
    `DeleteDBClusterSnapshot`, and what its parts need."""

    logs: "CloudWatchLogsClient"
    rds: "RDSClient"
    task_definitions: TaskDefinitions
    images: Images
    stacks: StackFinder
    runs: PipelineRuns

    def sweep(self, suffix: str, images: Iterable[Image]) -> dict[str, Any]:
        """Call after the stacks are deleted. Safe to repeat."""
        removed = [
            *self._log_groups(suffix),
            *self._snapshots(suffix),
            *self.task_definitions.delete_inactive(suffix),
        ]
        wanted, kept = list(images), []
        if wanted and (busy := self._busy_neighbour(suffix)):
            # The run may have found the image in the repository and may deploy it next.
            kept = [
                f"image {image.repository}:{image.tag}: {busy} is running. The asset "
                "collector deletes it when no template has named it for some time"
                for image in wanted
            ]
        else:
            unused = self.images.unused(wanted, self.stacks.all())
            removed += self.images.delete(unused)
        return {"removed": removed, "kept": kept}

    def _log_groups(self, suffix: str) -> Iterator[str]:
        for prefix in _LOGS:
            pages = self.logs.get_paginator("describe_log_groups")
            for page in pages.paginate(logGroupNamePrefix=prefix):
                for group in page["logGroups"]:
                    name = group["logGroupName"]
                    if is_named_for(name, suffix):
                        yield from self._delete_log_group(name)

    def _delete_log_group(self, name: str) -> Iterator[str]:
        try:
            self.logs.delete_log_group(logGroupName=name)
        except self.logs.exceptions.ResourceNotFoundException:
            return
        yield f"log group {name}"

    def _snapshots(self, suffix: str) -> Iterator[str]:
        pages = self.rds.get_paginator("describe_db_cluster_snapshots")
        # Automated ones are deleted with their cluster.
        for page in pages.paginate(SnapshotType="manual"):
            for snapshot in page["DBClusterSnapshots"]:
                name = snapshot["DBClusterSnapshotIdentifier"]
                if is_named_for(name, suffix) or is_named_for(
                    snapshot.get("DBClusterIdentifier", ""), suffix
                ):
                    self.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
                    yield f"snapshot {name}"

    def _busy_neighbour(self, suffix: str) -> str | None:
        for other, environment in self.stacks.environments().items():
            if other != suffix and environment.pipeline and self.runs.is_running(other):
                return f"the pipeline of {other}"
        return None
