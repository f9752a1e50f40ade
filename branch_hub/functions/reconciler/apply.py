"""Carries out a plan: puts events on the bus, and publishes warnings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from branch_hub.events import BranchEvent
from branch_hub.functions.reconciler.plan import Action, Step
from branch_hub.functions.shared.bus import BranchEventBus, EventsRefused
from branch_hub.functions.shared.registry import Registry

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


@dataclass(frozen=True, kw_only=True)
class Applier:
    """The machines check the state again before they act: a plan is only a hint."""

    repository: str
    lifetime: timedelta
    bus: BranchEventBus
    registry: Registry
    sns: "SNSClient"
    topic_arn: str
    now: Callable[[], datetime]

    def carry_out(self, step: Step) -> dict[str, Any]:
        """Return the step as JSON, with `error` if it failed; the other steps go on."""
        try:
            if step.action is Action.WARN:
                self._warn(step)
            elif step.event is not None:
                self._put(step)
        except (BotoCoreError, ClientError, EventsRefused) as error:
            return {**step.to_json(), "error": str(error)}
        return step.to_json()

    def _put(self, step: Step) -> None:
        now = self.now()
        assert step.event is not None, "called for steps that have one"
        event = BranchEvent(
            event_id=f"reconciler-{step.suffix}-{int(now.timestamp())}",
            repository=self.repository,
            branch=step.branch,
            suffix=step.suffix,
            commit=None,
            occurred_at=now,
            reason=step.event,
        )
        self.bus.put([event])

    def _warn(self, step: Step) -> None:
        assert step.branch is not None, "only a live branch gets a warning"
        assert step.expires_at is not None, "only an environment that expires gets a warning"
        if not self.registry.may_warn(
            step.suffix, branch=step.branch, now=self.now(), expires_at=step.expires_at
        ):
            return
        self.sns.publish(
            TopicArn=self.topic_arn,
            Subject=f"Environment {step.suffix} is about to expire",
            Message=(
                f"Environment {step.suffix} of branch {step.branch} expires at "
                f"{step.expires_at:%Y-%m-%d %H:%M} UTC and is deleted after that. A push to the "
                f"branch keeps it for {self.lifetime.days} more days."
            ),
        )
