"""Deletes published assets that no template has named for a long time."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from branch_hub.functions.asset_collector.assets import Asset, AssetStore
from branch_hub.functions.asset_collector.marks import Marks
from branch_hub.functions.asset_collector.references import References
from branch_hub.functions.asset_collector.revisions import Revisions
from branch_hub.functions.shared.executions import Executions
from branch_hub.functions.shared.pipeline_runs import PipelineRuns
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.stacks import StackFinder

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

logger = logging.getLogger(__name__)
_NAMED_MAX: Final = 50  # in a notice and in a log line


class InvalidRequest(ValueError):
    """`apply` is neither true nor false: deletions are never guessed."""


class NotCollected(Exception):
    """Something could not be deleted; the message names it. The next run tries again."""


@dataclass(frozen=True, kw_only=True)
class Collector:
    """`kept` is how long an asset stays after the last template that named it, and the age at which
    it can be deleted at all."""

    kept: timedelta
    store: AssetStore
    references: References
    marks: Marks
    revisions: Revisions
    stacks: StackFinder
    runs: PipelineRuns
    registry: Registry
    executions: Executions
    sns: "SNSClient"
    topic_arn: str
    now: Callable[[], datetime]

    def run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest; NotCollected after the notice."""
        apply = request.get("apply")
        if not isinstance(apply, bool):
            raise InvalidRequest(f"apply is {apply!r}: true or false is needed")
        if (busy := self._busy()) is not None:
            return self._skipped(busy)
        now = self.now()
        # Listed first: an asset that is published while the templates are read is not judged.
        assets = {asset.id: asset for asset in self.store.all()}
        named = self.references.hashes()
        isolated = {each: a for each, a in assets.items() if a.content_hash not in named}
        limit = now - self.kept
        due = [
            isolated[each]
            for each, since in sorted(self.marks.update(isolated, now=now).items())
            if since <= limit and isolated[each].published_at <= limit
        ]
        revisions = self.revisions.inactive_since(limit)
        names = [*(asset.id for asset in due), *(f"revision {_short(arn)}" for arn in revisions)]
        found = {"isolated": len(isolated), "due": len(names), "names": names[:_NAMED_MAX]}
        if not apply:
            logger.info("would collect", extra=found)
        elif names:
            # A run that began meanwhile may have found one of them, and deploys it next.
            if (busy := self._busy()) is not None:
                return self._skipped(busy)
            self._delete(due, revisions, names)
            logger.info("collected", extra=found)
        return {**found, "applied": apply}

    def _busy(self) -> str | None:
        """What may name an asset that no template names yet."""
        for suffix, environment in self.stacks.environments().items():
            if environment.pipeline and self.runs.is_running(suffix):
                return f"the pipeline of {suffix} is running"
        for record in self.registry.all():
            if record.lock is not None and self.executions.is_running(
                record.lock.holder, since=record.lock.taken_at, now=self.now()
            ):
                return f"the hub is changing {record.suffix}"
        return None

    def _skipped(self, reason: str) -> dict[str, Any]:
        logger.info("nothing is collected now", extra={"reason": reason})
        return {"skipped": reason}

    def _delete(self, due: list[Asset], revisions: list[str], names: list[str]) -> None:
        failures = list(self.store.delete(due))
        self.revisions.delete(revisions)
        self.sns.publish(
            TopicArn=self.topic_arn,
            Subject=f"{len(names) - len(failures)} unused assets were deleted",
            Message="\n".join(
                (
                    f"No template has named them for {self.kept.days} days. The bucket keeps the "
                    "deleted objects as old versions for some time. The first are:",
                    *names[:_NAMED_MAX],
                    *failures[:_NAMED_MAX],
                )
            ),
        )
        if failures:
            raise NotCollected("; ".join(failures[:_NAMED_MAX]))


def _short(arn: str) -> str:
    return arn.rpartition("/")[2]
