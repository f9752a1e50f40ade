"""GitHub, or a server with GitHub's API, as a git host: notifies through signed webhooks."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import urllib3

from branch_hub.events import BranchEvent, Reason
from branch_hub.git_hosts.git_host import (
    Delivery,
    DeliveryIgnored,
    DeliveryRefused,
    HostAccess,
    HostUnavailable,
)
from branch_hub.git_hosts.github_refusals import NO_TOKEN, PUBLIC_API, refusal_advice

_TIMEOUT_SECONDS: Final = 10.0
_PAGE_SIZE: Final = 100
_PAGES_MAX: Final = 1000
_ANSWER_BYTES_MAX: Final = 5_000_000
_NEXT: Final = 'rel="next"'
_LOOPBACK: Final = ("127.0.0.1", "localhost")
_BRANCHES: Final = "refs/heads/"


class GitHubHost:
    """`token` returns the bearer token at each call. github.com needs one for every repository."""

    def __init__(self, *, api_url: str, repository: str, token: Callable[[], str]) -> None:
        parts = urlsplit(api_url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ValueError(
                f"GitHub's address is {api_url!r}: the token is only sent over https, "
                "or to this machine"
            )
        self._host = parts.hostname
        self._url = f"{api_url.rstrip('/')}/repos/{repository}"
        self._repository = repository
        self._token = token

    @classmethod
    def connect(cls, access: HostAccess) -> Self:
        return cls(
            api_url=access.settings["api_url"],
            repository=access.repository,
            token=lambda: access.secret("token"),
        )

    def exists(self, branch: str) -> bool:
        status, body, _ = self._get(f"/git/ref/heads/{quote(branch)}", expected=(200, 404))
        if status == 404:
            # Also the answer if the token may not read the repository: then nothing is known.
            self._get("", expected=(200,))
            return False
        if isinstance(body, list):  # older servers list all refs that begin with the name
            return any(_ref(item) == f"{_BRANCHES}{branch}" for item in body)
        if _ref(body) != f"{_BRANCHES}{branch}":
            raise HostUnavailable(f"{self._repository}: asked for {branch!r}, got another ref")
        return True

    def branches(self) -> Iterator[str]:
        for page in range(1, _PAGES_MAX + 1):
            path = f"/branches?per_page={_PAGE_SIZE}&page={page}"
            _, body, headers = self._get(path, expected=(200,))
            if not isinstance(body, list):
                raise HostUnavailable(f"{self._repository}: the list of branches is no list")
            for item in body:
                yield self._name(item)
            if len(body) < _PAGE_SIZE and _NEXT not in headers.get("Link", ""):
                return
        raise HostUnavailable(f"{self._repository}: more than {_PAGES_MAX} pages of branches")

    def last_commit_at(self, branch: str) -> datetime:
        _, body, _ = self._get(f"/commits/heads/{quote(branch)}", expected=(200,))
        try:
            moment = datetime.fromisoformat(body["commit"]["committer"]["date"])
            return moment.astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            raise HostUnavailable(
                f"{self._repository}: the last commit of {branch!r} has no date"
            ) from None

    def webhook_event(self, delivery: Delivery) -> BranchEvent:
        """Read a push event. GitHub also sends one when a branch is deleted."""
        if not _is_signed(delivery):
            raise DeliveryRefused(
                401, "X-Hub-Signature-256 must sign this body with the secret of the hub"
            )
        kind = delivery.headers.get("x-github-event", "")
        if kind == "ping":
            raise DeliveryIgnored("pong", status=200)
        if kind != "push":
            raise DeliveryIgnored("ignored: only push events are needed")
        ref, commit, is_deletion = self._push(delivery.body)
        if not ref.startswith(_BRANCHES):
            raise DeliveryIgnored("ignored: no branch was pushed")
        return BranchEvent.of_branch(
            event_id=delivery.digest,
            repository=self._repository,
            branch=ref.removeprefix(_BRANCHES),
            reason=Reason.DELETED if is_deletion else Reason.PUSHED,
            occurred_at=delivery.received_at,
            commit=None if is_deletion else commit,
        )

    def account_event(self, event: Mapping[str, Any]) -> BranchEvent | None:  # noqa: ARG002
        return None

    def _push(self, body: bytes) -> tuple[str, str, bool]:
        """Return ref, commit and whether the ref was deleted. Raises DeliveryRefused."""
        try:
            payload = json.loads(body)
        except ValueError:
            payload = None
        if not isinstance(payload, dict):
            raise DeliveryRefused(
                400, "a JSON object is needed: set the content type application/json"
            )
        ref, after, is_deletion = (payload.get(name) for name in ("ref", "after", "deleted"))
        sender = payload.get("repository")
        full_name = sender.get("full_name") if isinstance(sender, dict) else None
        if not isinstance(ref, str) or not isinstance(after, str):
            raise DeliveryRefused(400, "ref and after must be texts, as in GitHub's push event")
        if not isinstance(is_deletion, bool) or not isinstance(full_name, str):
            raise DeliveryRefused(
                400, "deleted and repository.full_name are needed, as in GitHub's push event"
            )
        # GitHub ignores the case of names; so may the person who writes cdk.json.
        if full_name.lower() != self._repository.lower():
            raise DeliveryRefused(403, "this hub does not serve that repository")
        return ref, after, is_deletion

    def _name(self, item: Any) -> str:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            raise HostUnavailable(f"{self._repository}: a branch in the list has no name")
        return name

    def _get(self, path: str, *, expected: tuple[int, ...]) -> tuple[int, Any, Mapping[str, str]]:
        headers = self._headers()
        has_token = "Authorization" in headers
        if not has_token and self._host == PUBLIC_API:
            raise HostUnavailable(f"{self._repository}{path}: not asked, {NO_TOKEN}")
        # Keeps no connection: Lambda may pause the function, and it would be dead at the next call.
        pool = urllib3.PoolManager(timeout=_TIMEOUT_SECONDS, retries=False)
        try:
            with (
                pool as http,
                http.request(
                    "GET",
                    f"{self._url}{path}",
                    headers=headers,
                    redirect=False,  # a redirect would send the token to another host
                    preload_content=False,
                ) as answer,
            ):
                content = answer.read(_ANSWER_BYTES_MAX)
        except urllib3.exceptions.HTTPError as error:
            raise HostUnavailable(f"{self._repository}{path}: {error}") from None
        status = answer.status
        if status not in expected:
            advice = refusal_advice(status, answer.headers, has_token=has_token)
            raise HostUnavailable(f"{self._repository}{path}: answered {status}{advice}")
        try:
            return status, json.loads(content) if status == 200 else None, answer.headers
        except ValueError:
            raise HostUnavailable(f"{self._repository}{path}: the answer is no JSON") from None

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "transaction-pipeline-branch-hub",
        }
        if token := self._token():
            headers["Authorization"] = f"Bearer {token}"
        return headers


def _is_signed(delivery: Delivery) -> bool:
    """Takes the same time for every wrong signature of one length."""
    digest = hmac.new(delivery.secret, delivery.body, hashlib.sha256).hexdigest()
    signature = delivery.headers.get("x-hub-signature-256", "")
    # As bytes: compare_digest raises an error for text that is not ASCII.
    return hmac.compare_digest(f"sha256={digest}".encode(), signature.encode("utf-8", "replace"))


def _ref(body: Any) -> str | None:
    ref = body.get("ref") if isinstance(body, dict) else None
    return ref if isinstance(ref, str) else None
