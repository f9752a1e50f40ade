"""Receives webhooks through the function URL, and forwards each branch event once."""

import logging
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from branch_hub.events import BranchEvent, InvalidEvent
from branch_hub.functions.intake.answers import accepted, problem
from branch_hub.functions.intake.deliveries import Deliveries
from branch_hub.git_hosts.git_host import Delivery, DeliveryIgnored, DeliveryRefused, GitHost
from lambda_src.shared.branch_suffix import InvalidBranch

logger = logging.getLogger(__name__)

_BODY_BYTES_MAX: Final = 1_048_576


class Bus(Protocol):
    def put(self, events: Iterable[BranchEvent]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class WebhookReceiver:
    """`secret` returns the secret shared with the host, `now` the time in UTC."""

    host: GitHost
    secret: Callable[[], bytes]
    deliveries: Deliveries
    bus: Bus
    now: Callable[[], datetime]

    def receive(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request; 2xx only if the sender need not send it again."""
        try:
            return self._receive(request)
        except DeliveryRefused as refusal:
            logger.warning(
                "webhook refused", extra={"status": refusal.status, "reason": refusal.detail}
            )
            return problem(refusal.status, refusal.detail)
        except DeliveryIgnored as reason:
            return accepted(reason.status, str(reason))
        except (InvalidBranch, InvalidEvent) as error:
            # Sending it again would change nothing.
            logger.warning("branch gets no environment", extra={"reason": str(error)})
            return accepted(202, "ignored: the branch can have no environment")
        except (
            Exception
        ):  # the request's boundary: the host shows a 5xx as failed and can send it again
            logger.exception("webhook not forwarded")
            return problem(500, "the event was not forwarded: see the function's log, then resend")

    def _receive(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if request["requestContext"]["http"]["method"] != "POST":
            raise DeliveryRefused(405, "a webhook is a POST")
        delivery = Delivery(
            headers={name.lower(): value for name, value in request["headers"].items()},
            body=_body(request),
            secret=self.secret(),
            received_at=self.now(),
        )
        event = self.host.webhook_event(delivery)
        if self.deliveries.is_sent(delivery.digest, note=event.suffix, now=delivery.received_at):
            return accepted(200, "duplicate: it was forwarded before")
        self.bus.put([event])
        self.deliveries.mark_sent(delivery.digest)
        logger.info(
            "branch event sent",
            extra={"branch": event.branch, "suffix": event.suffix, "reason": event.reason.value},
        )
        return accepted(202, f"forwarded: {event.detail_type}, environment {event.suffix}")


def _body(request: Mapping[str, Any]) -> bytes:
    text = request.get("body") or ""
    # Checked before decoding or hashing: four characters of base64 are three bytes.
    if len(text) > _BODY_BYTES_MAX * 4 // 3 + 4:
        raise DeliveryRefused(413, f"the body must be at most {_BODY_BYTES_MAX} bytes")
    try:
        body = b64decode(text, validate=True) if request.get("isBase64Encoded") else text.encode()
    except (NotBase64, ValueError):
        raise DeliveryRefused(400, "the body is neither text nor base64") from None
    if len(body) > _BODY_BYTES_MAX:
        raise DeliveryRefused(413, f"the body must be at most {_BODY_BYTES_MAX} bytes")
    return body
