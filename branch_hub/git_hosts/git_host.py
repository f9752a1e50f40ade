"""What is asked of a git host. It tells the truth about branches; events are only hints."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol


class HostUnavailable(Exception):
    """The host did not answer the question. Nothing may be concluded about any branch."""


class BranchHost(Protocol):
    """Every method raises HostUnavailable."""

    def exists(self, branch: str) -> bool: ...

    def branches(self) -> Iterable[str]:
        """All of them, over all pages."""
        ...

    def last_commit_at(self, branch: str) -> datetime:
        """When the newest commit of `branch` was made."""
        ...


def live_branches(host: BranchHost) -> list[str]:
    """Raises HostUnavailable, also when there is no branch at all: a repository has one."""
    if not (live := list(host.branches())):
        raise HostUnavailable("the git host lists no branch: nothing can be concluded from that")
    return live
