"""A webhook of its own for each test: a real table, and a bus that can be cut off."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from branch_hub.events import BranchEvent
from branch_hub.functions.intake.deliveries import Deliveries
from branch_hub.functions.intake.intake import take_in
from branch_hub.functions.intake.webhook import WebhookReceiver
from branch_hub.functions.shared.bus import EventsRefused
from branch_hub.git_hosts.codecommit import CodeCommitHost
from branch_hub.git_hosts.git_host import GitHost
from branch_hub.git_hosts.github import GitHubHost
from tests.account import Account
from tests.branch_hub.git_server import REPOSITORY

SECRET = b"0123456789abcdef"
NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
NO_COMMIT = "0" * 40


def payload(branch: str = "feature/a", **fields: Any) -> dict[str, Any]:
    return {
        "ref": f"refs/heads/{branch}",
        "before": NO_COMMIT,
        "after": "c0ffee",
        "created": True,
        "deleted": False,
        "repository": {"full_name": REPOSITORY, "pushed_at": 1795316400},
        **fields,
    }


def signature_of(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def request(
    content: Any,
    *,
    event: str = "push",
    delivery: str = "d1",
    signature: str | None = None,
    is_base64: bool = False,
    method: str = "POST",
) -> dict[str, Any]:
    """The event that Lambda creates from a request to a function URL."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    text = base64.b64encode(body).decode() if is_base64 else body.decode()
    headers = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": delivery,
        "x-hub-signature-256": signature_of(body) if signature is None else signature,
    }
    return {
        "version": "2.0",
        "requestContext": {"http": {"method": method, "path": "/", "sourceIp": "203.0.113.7"}},
        "headers": headers,
        "body": text,
        "isBase64Encoded": is_base64,
    }


class FakeBus:
    """Records events, unless it is unreachable."""

    def __init__(self) -> None:
        self.events: list[BranchEvent] = []
        self.is_reachable = True

    def put(self, events: Iterable[BranchEvent]) -> None:
        if not self.is_reachable:
            raise EventsRefused("bus branch-events refused 1 events: InternalFailure")
        self.events += events


class Intake:
    def __init__(self, account: Account, host: GitHost) -> None:
        self.bus = FakeBus()
        self.secret = SECRET
        self.receiver = WebhookReceiver(
            host=host,
            secret=lambda: self.secret,
            deliveries=Deliveries(table=account.table(account.create_table())),
            bus=self.bus,
            now=lambda: NOW,
        )

    def ask(self, event: dict[str, Any]) -> tuple[int, str]:
        """The status and the text of the answer."""
        answer = take_in(event, receiver=self.receiver)
        body = json.loads(answer["body"])
        is_problem = answer["statusCode"] >= 400
        kind = "application/problem+json" if is_problem else "application/json"
        assert answer["headers"]["Content-Type"] == kind
        assert body.get("status", answer["statusCode"]) == answer["statusCode"]
        return answer["statusCode"], body["detail"] if is_problem else body["message"]

    def take(self, event: dict[str, Any]) -> dict[str, Any]:
        return take_in(event, receiver=self.receiver)


@pytest.fixture
def intake(account: Account) -> Intake:
    """The intake of a repository at GitHub."""
    host = GitHubHost(api_url="https://api.github.com", repository=REPOSITORY, token=str)
    return Intake(account, host)


@pytest.fixture
def codecommit_intake(account: Account) -> Intake:
    return Intake(account, CodeCommitHost(codecommit=None, repository=REPOSITORY))
