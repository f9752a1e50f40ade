"""GitHub's webhook as the function URL hands it over: checked, and sent on once."""

import json
import logging
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from branch_hub.functions.intake.answers import accepted, problem
from branch_hub.functions.intake.deliveries import Deliveries, digest_of
from branch_hub.functions.intake.github_push import Malformed, OtherRepository, push_event
from branch_hub.functions.intake.signature import is_signed
from branch_hub.functions.shared.events import BranchEvent, InvalidEvent
from lambda_src.shared.branch_suffix import InvalidBranch

logger = logging.getLogger(__name__)

_BODY_BYTES_MAX: Final = 1_048_576


class Bus(Protocol):
    def put(self, events: Iterable[BranchEvent]) -> None: ...


class Refused(Exception):
    """The request is not taken; carries the answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """`secret` gives what GitHub signs with; `now` the time in UTC."""

    repository: str
    secret: Callable[[], bytes]
    deliveries: Deliveries
    bus: Bus
    now: Callable[[], datetime]

    def receive(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request. 2xx only for what needs no second try."""
        try:
            return self._receive(request)
        except Refused as refusal:
            logger.warning(
                "webhook refused", extra={"status": refusal.status, "reason": refusal.detail}
            )
            return problem(refusal.status, refusal.detail)
        except Exception:  # the boundary: GitHub shows a 5xx in red, and it can be sent again
            logger.exception("webhook not delivered")
            return problem(500, "the event was not sent on: see the function's log, then redeliver")

    def _receive(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if request["requestContext"]["http"]["method"] != "POST":
            raise Refused(405, "a webhook is a POST")
        headers = {name.lower(): value for name, value in request["headers"].items()}
        body = _body(request)
        signature = headers.get("x-hub-signature-256", "")
        if not is_signed(body, signature=signature, secret=self.secret()):
            raise Refused(
                401, "X-Hub-Signature-256 must be of this body, with the secret of the hub"
            )
        kind = headers.get("x-github-event", "")
        if kind == "ping":
            return accepted(200, "pong")
        if kind != "push":
            return accepted(202, "ignored: the push event says all that is needed")
        digest = digest_of(signature, body)
        event = self._event(body, digest)
        if event is None:
            return accepted(202, "ignored: no branch was pushed")
        return self._send_once(digest, event, note=headers.get("x-github-delivery", "none"))

    def _event(self, body: bytes, digest: str) -> BranchEvent | None:
        try:
            payload = json.loads(body)
        except ValueError:
            payload = None
        if not isinstance(payload, dict):
            raise Refused(400, "a JSON object is needed: set the content type application/json")
        try:
            return push_event(payload, repository=self.repository, event_id=digest, now=self.now())
        except OtherRepository:
            raise Refused(403, "this hub does not serve that repository") from None
        except Malformed as error:
            raise Refused(400, str(error)) from None
        except (InvalidBranch, InvalidEvent) as error:
            # Nothing that sending it again would change.
            logger.warning("branch gets no environment", extra={"reason": str(error)})
            return None

    def _send_once(self, digest: str, event: BranchEvent, *, note: str) -> dict[str, Any]:
        if self.deliveries.is_sent(digest, note=note, now=self.now()):
            return accepted(200, "duplicate: it was sent on before")
        self.bus.put([event])
        self.deliveries.mark_sent(digest)
        logger.info(
            "branch event sent",
            extra={"branch": event.branch, "suffix": event.suffix, "reason": event.reason.value},
        )
        return accepted(202, f"sent on: {event.detail_type}, environment {event.suffix}")


def _body(request: Mapping[str, Any]) -> bytes:
    text = request.get("body") or ""
    # Before it is decoded or hashed: four characters of base64 are three bytes.
    if len(text) > _BODY_BYTES_MAX * 4 // 3 + 4:
        raise Refused(413, f"the body must be at most {_BODY_BYTES_MAX} bytes")
    try:
        body = b64decode(text, validate=True) if request.get("isBase64Encoded") else text.encode()
    except (NotBase64, ValueError):
        raise Refused(400, "the body is neither text nor base64") from None
    if len(body) > _BODY_BYTES_MAX:
        raise Refused(413, f"the body must be at most {_BODY_BYTES_MAX} bytes")
    return body
