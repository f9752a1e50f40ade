"""Settings of the reconciler."""

from dataclasses import dataclass

from branch_hub.functions.shared.lifecycle_settings import BranchLifecycleSettings


@dataclass(frozen=True, kw_only=True)
class BranchReconcilerSettings(BranchLifecycleSettings):
    """Those of the lifecycle, and where the reconciler sends events and warnings."""

    event_bus_name: str
    notices_topic_arn: str
