"""CodeCommit as a git host: notifies through EventBridge, has no webhooks."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from branch_hub.events import BranchEvent, InvalidEvent, Reason
from branch_hub.git_hosts.git_host import (
    Delivery,
    DeliveryRefused,
    HostAccess,
    HostUnavailable,
)
from branch_hub.moments import parse_moment

_NO_BRANCH: Final = "BranchDoesNotExistException"
_REASONS: Final[Mapping[str, Reason]] = {
    "referenceCreated": Reason.PUSHED,
    "referenceUpdated": Reason.PUSHED,
    "referenceDeleted": Reason.DELETED,
}


class CodeCommitHost:
    """Needs `codecommit:GetBranch`, `ListBranches` and `GetCommit` on the repository."""

    def __init__(self, *, codecommit: Any, repository: str) -> None:
        self._codecommit = codecommit
        self._repository = repository

    @classmethod
    def connect(cls, access: HostAccess) -> Self:
        return cls(codecommit=access.client("codecommit"), repository=access.repository)

    def exists(self, branch: str) -> bool:
        try:
            self._codecommit.get_branch(repositoryName=self._repository, branchName=branch)
        except ClientError as error:
            if error.response["Error"]["Code"] == _NO_BRANCH:
                return False
            raise self._unavailable(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error
        return True

    def branches(self) -> Iterator[str]:
        pages = self._codecommit.get_paginator("list_branches")
        try:
            for page in pages.paginate(repositoryName=self._repository):
                yield from page["branches"]
        except (BotoCoreError, ClientError) as error:
            raise self._unavailable(error) from error

    def last_commit_at(self, branch: str) -> datetime:
        try:
            tip = self._codecommit.get_branch(repositoryName=self._repository, branchName=branch)
            answer = self._codecommit.get_commit(
                repositoryName=self._repository, commitId=tip["branch"]["commitId"]
            )
        except (BotoCoreError, ClientError) as error:
            raise self._unavailable(error) from error
        # Seconds since 1970, and an offset that is already included: `1484167798 -0800`.
        seconds = answer["commit"]["committer"]["date"].split()[0]
        return datetime.fromtimestamp(int(seconds), UTC)

    def webhook_event(self, delivery: Delivery) -> BranchEvent:  # noqa: ARG002
        raise DeliveryRefused(403, "this hub serves a CodeCommit repository: it takes no webhooks")

    def account_event(self, event: Mapping[str, Any]) -> BranchEvent | None:
        """Read a `CodeCommit Repository State Change`."""
        try:
            detail = event["detail"]
            if detail["repositoryName"] != self._repository or detail["referenceType"] != "branch":
                return None
            reason = _REASONS[detail["event"]]
            return BranchEvent.of_branch(
                event_id=event["id"],
                repository=self._repository,
                branch=detail["referenceName"],
                reason=reason,
                occurred_at=parse_moment(event["time"]),
                commit=None if reason is Reason.DELETED else detail["commitId"],
            )
        except (KeyError, TypeError) as error:
            raise InvalidEvent(f"CodeCommit's event has another shape: {error!r}") from error

    def _unavailable(self, error: Exception) -> HostUnavailable:
        return HostUnavailable(f"{self._repository}: {error}")
