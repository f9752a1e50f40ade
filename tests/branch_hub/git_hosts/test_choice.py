"""The git host is the one that the settings name."""

from typing import Any

import pytest

from branch_hub.git_hosts.choice import choose_host
from branch_hub.git_hosts.codecommit import CodeCommitHost
from branch_hub.git_hosts.git_host import BranchHost
from branch_hub.git_hosts.github import GitHubHost


def choose(kind: str) -> tuple[BranchHost, list[Any]]:
    clients: list[Any] = []
    host = choose_host(
        source_kind=kind,
        repository="acme/app",
        github_api_url="https://api.github.com",
        github_token=str,
        codecommit=lambda: clients.append("made"),
    )
    return host, clients


def test_s8_github_is_asked_where_the_source_is_github() -> None:
    host, clients = choose("github")

    assert isinstance(host, GitHubHost)
    assert clients == []


def test_s8_codecommit_is_asked_where_the_source_is_codecommit() -> None:
    host, clients = choose("codecommit")

    assert isinstance(host, CodeCommitHost)
    assert clients == ["made"]


def test_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="SOURCE_KIND is 'svn'"):
        choose("svn")
