"""Tells what came in by its shape: a request to the function URL, or an event of CodeCommit."""

import logging
from collections.abc import Mapping
from typing import Any

from branch_hub.functions.intake.codecommit_change import change_event
from branch_hub.functions.intake.webhook import Webhook
from branch_hub.functions.shared.events import InvalidEvent
from lambda_src.shared.branch_suffix import InvalidBranch

logger = logging.getLogger(__name__)


def take_in(event: Mapping[str, Any], *, webhook: Webhook) -> dict[str, Any]:
    """Answer the request, or send CodeCommit's event on; what fails there is raised, so that
    Lambda tries again."""
    # Lambda puts this around whatever a request holds: nobody outside can leave it away.
    if "requestContext" in event:
        return webhook.receive(event)
    try:
        change = change_event(event, repository=webhook.repository)
    except (InvalidBranch, InvalidEvent) as error:
        # Nothing that trying again would change.
        logger.warning("branch gets no environment", extra={"reason": str(error)})
        change = None
    if change is None:
        return {"sent": 0}
    webhook.bus.put([change])
    return {"sent": 1}
