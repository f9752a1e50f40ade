"""GitHub's webhook after a push: the event, signed with the secret that the hub knows."""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

_TIMEOUT_SECONDS = 30
_NOTHING = "0" * 40
_HEADS = "refs/heads/"


class NotDelivered(Exception):
    """The hub did not accept the event; the message holds its answer."""


@dataclass(frozen=True, kw_only=True)
class Push:
    """One reference that a push changed; `before` or `after` is all zeros if there is none."""

    reference: str
    before: str
    after: str

    @property
    def is_deletion(self) -> bool:
        return set(self.after) == {"0"}

    @property
    def branch(self) -> str:
        """The name of the branch; empty for another reference, such as a tag."""
        is_branch = self.reference.startswith(_HEADS)
        return self.reference.removeprefix(_HEADS) if is_branch else ""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A webhook request: body and headers."""

    body: bytes
    headers: dict[str, str]


def deleted(branch: str, *, commit: str = _NOTHING) -> Push:
    return Push(reference=_HEADS + branch, before=commit, after=_NOTHING)


def pushed(branch: str, *, commit: str) -> Push:
    return Push(reference=_HEADS + branch, before=_NOTHING, after=commit)


def payload(push: Push, *, repository: str) -> dict[str, Any]:
    """GitHub's push event, with the fields that the hub reads."""
    owner, _, name = repository.partition("/")
    now = time.time()
    written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    commit = None if push.is_deletion else {"id": push.after, "timestamp": written}
    return {
        "ref": push.reference,
        "before": push.before,
        "after": push.after,
        "created": set(push.before) == {"0"},
        "deleted": push.is_deletion,
        "forced": False,
        "head_commit": commit,
        "commits": [],
        "pusher": {"name": owner},
        "repository": {
            "name": name,
            "full_name": repository,
            "owner": {"name": owner, "login": owner},
            # Makes each event unique.
            "pushed_at": now,
        },
    }


def sign(body: dict[str, Any], *, secret: str) -> Delivery:
    raw = json.dumps(body).encode()
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return Delivery(
        body=raw,
        headers={
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": f"sha256={digest}",
        },
    )


def send(url: str, delivery: Delivery) -> str:
    """Send it; returns the hub's answer. Raises NotDelivered."""
    request = urllib.request.Request(
        url, data=delivery.body, headers=delivery.headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            return _message(answer.read())
    except urllib.error.HTTPError as error:
        detail = _message(error.read())
        raise NotDelivered(f"the branch hub answered {error.code}: {detail}") from error
    except OSError as error:
        raise NotDelivered(f"the branch hub does not answer at {url}: {error}") from error


def _message(body: bytes) -> str:
    try:
        answer = json.loads(body)
        return str(answer.get("message") or answer.get("detail") or answer)
    except (ValueError, AttributeError):
        return body.decode(errors="replace")[:300]
