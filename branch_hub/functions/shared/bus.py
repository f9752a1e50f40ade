"""The hub's event bus for changes of branches."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from branch_hub.events import SOURCE, BranchEvent

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

_ENTRIES_MAX: Final = 10


class EventsRefused(Exception):
    """The bus did not accept every event. Safe to send all of them again."""


class BranchEventBus:
    """Needs `events:PutEvents` on the bus."""

    def __init__(self, *, events: "EventBridgeClient", bus_name: str) -> None:
        self._events = events
        self._bus_name = bus_name

    def put(self, events: Iterable[BranchEvent]) -> None:
        """Raises EventsRefused, and the errors of the service."""
        entries: list[PutEventsRequestEntryTypeDef] = [
            {
                "EventBusName": self._bus_name,
                "Source": SOURCE,
                "DetailType": event.detail_type,
                "Detail": json.dumps(event.to_detail()),
                "Time": event.occurred_at,
            }
            for event in events
        ]
        for start in range(0, len(entries), _ENTRIES_MAX):
            answer = self._events.put_events(Entries=entries[start : start + _ENTRIES_MAX])
            # The call succeeds even if entries fail.
            if answer["FailedEntryCount"]:
                reasons = {e["ErrorCode"] for e in answer["Entries"] if "ErrorCode" in e}
                raise EventsRefused(
                    f"bus {self._bus_name} refused {answer['FailedEntryCount']} events: "
                    f"{', '.join(sorted(reasons))}"
                )
