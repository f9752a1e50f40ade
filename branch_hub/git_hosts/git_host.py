"""The interface of a git host for the hub. Its answers decide; events are only hints."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from branch_hub.events import BranchEvent


class HostUnavailable(Exception):
    """The host did not answer. Nothing may be concluded about any branch."""


class DeliveryRefused(Exception):
    """The webhook is not accepted; carries the HTTP status and what the sender must change."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class DeliveryIgnored(Exception):
    """The webhook is accepted and reports no change of a branch."""

    def __init__(self, message: str, *, status: int = 202) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One webhook as it arrived: names of `headers` in lower case, `secret` as shared with the
    host."""

    headers: Mapping[str, str]
    body: bytes
    secret: bytes
    received_at: datetime

    @property
    def digest(self) -> str:
        """Identifies the delivery. A delivery id in a header is not signed: anyone could change it
        and replay the body."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, kw_only=True)
class HostAccess:
    """The inputs to create a host. `settings` are the `host_settings` of its source, `secret`
    returns a field of the hub's secret, `client` creates the boto3 client of a service."""

    settings: Mapping[str, str]
    repository: str
    secret: Callable[[str], str]
    client: Callable[[str], Any]


class GitHost(Protocol):
    """The first three methods raise HostUnavailable. The last two raise InvalidEvent or
    InvalidBranch for a branch that can have no environment."""

    def exists(self, branch: str) -> bool: ...

    def branches(self) -> Iterable[str]:
        """All branches, over all pages."""
        ...

    def last_commit_at(self, branch: str) -> datetime:
        """Return the time of the newest commit of `branch`."""
        ...

    def webhook_event(self, delivery: Delivery) -> BranchEvent:
        """Check that `delivery` comes from the host, and read it.

        Raises DeliveryRefused and DeliveryIgnored.
        """
        ...

    def account_event(self, event: Mapping[str, Any]) -> BranchEvent | None:
        """Read an event of the account's default bus; None if it changes no branch of ours."""
        ...


def live_branches(host: GitHost) -> list[str]:
    """Raises HostUnavailable, also for an empty list: a repository has at least one branch."""
    if not (live := list(host.branches())):
        raise HostUnavailable(
            "the git host lists no branch: push one; without any, no environment may be deleted"
        )
    return live
