"""A CodeCommit repository as the place where branches are."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from branch_hub.git_hosts.git_host import HostUnavailable

_NO_BRANCH: Final = "BranchDoesNotExistException"


class CodeCommitHost:
    """Needs `codecommit:GetBranch`, `ListBranches` and `GetCommit` on the repository."""

    def __init__(self, *, codecommit: Any, repository: str) -> None:
        self._codecommit = codecommit
        self._repository = repository

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
        # Seconds since 1970 and an offset that they already hold: `1484167798 -0800`.
        seconds = answer["commit"]["committer"]["date"].split()[0]
        return datetime.fromtimestamp(int(seconds), UTC)

    def _unavailable(self, error: Exception) -> HostUnavailable:
        return HostUnavailable(f"{self._repository}: {error}")
