"""The registry's changes when an environment is put to sleep or woken.

Needs `dynamodb:UpdateItem` on the table.
"""

from datetime import datetime
from typing import Final

from branch_hub.functions.shared.records import SLEEPING, Purpose, State
from branch_hub.functions.shared.registry import Registry
from branch_hub.moments import as_text

_FREE: Final = "(attribute_not_exists(lock_holder) OR lock_holder = :holder)"
_TAKE: Final = "lock_holder = :holder, lock_purpose = :purpose, lock_taken_at = :now"
_GIVE: Final = "lock_holder, lock_purpose, lock_taken_at"


class SleepRegistry:
    """Only a live environment sleeps or wakes. It is recorded as sleeping before the first part is
    stopped, and until the last part runs: after a failure half-way it can be woken."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def lock_to_sleep(self, suffix: str, *, holder: str, now: datetime, until: str | None) -> bool:
        """Take the lock, or keep it. False: another execution holds it, or it is not live."""
        sleep = {"since": as_text(now), **({"until": until} if until else {})}
        return self._registry.update(
            suffix,
            f"SET {_TAKE}, {SLEEPING} = if_not_exists({SLEEPING}, :sleep) REMOVE cause",
            {
                ":holder": holder,
                ":purpose": Purpose.SLEEP.value,
                ":now": as_text(now),
                ":sleep": sleep,
                ":live": State.LIVE.value,
            },
            condition=f"#state = :live AND {_FREE}",
        )

    def lock_to_wake(self, suffix: str, *, holder: str, now: datetime) -> bool:
        """Take the lock, or keep it. False: another execution holds it, or it is not live."""
        return self._registry.update(
            suffix,
            f"SET {_TAKE} REMOVE cause",
            {
                ":holder": holder,
                ":purpose": Purpose.WAKE.value,
                ":now": as_text(now),
                ":live": State.LIVE.value,
            },
            condition=f"#state = :live AND {_FREE}",
        )

    def woken(self, suffix: str, *, holder: str) -> bool:
        """Release the lock: it is awake. False: `holder` did not hold it (any more)."""
        return self._registry.update(
            suffix,
            f"SET #state = :live REMOVE {_GIVE}, {SLEEPING}",
            {":holder": holder, ":live": State.LIVE.value},
            condition="lock_holder = :holder",
        )
