"""The settings of the source choose the git host."""

import json
from typing import Any

import pytest

from branch_hub.git_hosts.choice import _HOSTS, connect_host
from branch_hub.git_hosts.codecommit import CodeCommitHost
from branch_hub.git_hosts.git_host import GitHost
from branch_hub.git_hosts.github import GitHubHost
from pipeline.sources.choice import _KINDS, parse_source
from tests.delivered import GITHUB


def connect(settings: dict[str, str]) -> tuple[GitHost, list[Any]]:
    clients: list[str] = []
    host = connect_host(
        json.dumps(settings), repository="acme/app", secret=str, client=clients.append
    )
    return host, clients


def test_s8_a_github_source_uses_the_github_host() -> None:
    host, clients = connect(parse_source(GITHUB).host_settings())

    assert isinstance(host, GitHubHost)
    assert clients == []


def test_s8_a_codecommit_source_uses_the_codecommit_host() -> None:
    source = parse_source({"kind": "codecommit", "repository": "app"})
    host, clients = connect(source.host_settings())

    assert isinstance(host, CodeCommitHost)
    assert clients == ["codecommit"]


def test_every_kind_of_source_has_its_git_host() -> None:
    assert _KINDS.keys() == _HOSTS.keys()


def test_an_unknown_kind_of_git_host_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 'svn': it must be one of github"):
        connect({"kind": "svn"})
