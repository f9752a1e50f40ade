"""Dispatches an invocation by its shape: an HTTP request, or an event of the account's bus."""

import logging
from collections.abc import Mapping
from typing import Any

from branch_hub.events import InvalidEvent
from branch_hub.functions.intake.webhook import WebhookReceiver
from lambda_src.shared.branch_suffix import InvalidBranch

logger = logging.getLogger(__name__)


def take_in(event: Mapping[str, Any], *, receiver: WebhookReceiver) -> dict[str, Any]:
    """Answer a request, or forward an event. An event that cannot be forwarded raises an error, so
    that Lambda retries it."""
    # Lambda adds this field to every HTTP request: a sender cannot leave it out.
    if "requestContext" in event:
        return receiver.receive(event)
    try:
        change = receiver.host.account_event(event)
    except (InvalidBranch, InvalidEvent) as error:
        # A retry would change nothing.
        logger.warning("branch gets no environment", extra={"reason": str(error)})
        change = None
    if change is None:
        return {"sent": 0}
    receiver.bus.put([change])
    return {"sent": 1}
