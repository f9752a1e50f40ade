"""The git host that the settings name."""

from collections.abc import Callable
from typing import Any

from branch_hub.git_hosts.codecommit import CodeCommitHost
from branch_hub.git_hosts.git_host import BranchHost
from branch_hub.git_hosts.github import GitHubHost


def choose_host(
    *,
    source_kind: str,
    repository: str,
    github_api_url: str,
    github_token: Callable[[], str],
    codecommit: Callable[[], Any],
) -> BranchHost:
    """`codecommit` makes the client, if it is needed. Raises ValueError for another kind."""
    if source_kind == "github":
        return GitHubHost(api_url=github_api_url, repository=repository, token=github_token)
    if source_kind == "codecommit":
        return CodeCommitHost(codecommit=codecommit(), repository=repository)
    raise ValueError(f"SOURCE_KIND is {source_kind!r}: it must be github or codecommit")
