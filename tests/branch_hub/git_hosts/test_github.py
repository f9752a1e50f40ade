"""S8, B2: branches at GitHub; an unexpected answer never means that a branch is gone."""

import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from branch_hub.git_hosts.git_host import HostUnavailable
from branch_hub.git_hosts.github import GitHubHost
from tests.branch_hub.git_server import REPOSITORY, GitServer

DATE = "2026-11-21T05:00:00+02:00"


def host(git: GitServer, *, token: str = "") -> GitHubHost:
    return GitHubHost(api_url=git.url, repository=REPOSITORY, token=lambda: token)


@pytest.mark.parametrize("branch", ["main", "feature/a", "50%/#1?", "größe"])
def test_s8_a_branch_is_found_by_its_exact_name(git: GitServer, branch: str) -> None:
    git.branches = {branch: DATE}

    assert host(git).exists(branch)
    assert not host(git).exists(f"{branch}2")
    assert not host(git).exists(branch[:-1])


def test_b4_a_branch_with_the_name_as_prefix_is_another_branch(git: GitServer) -> None:
    """Older servers answer with everything that begins with the name."""
    git.bodies = {"/feature": [{"ref": "refs/heads/feature/a"}, "nonsense"]}
    assert not host(git).exists("feature")

    git.bodies = {"/feature": [{"ref": "refs/heads/feature/a"}, {"ref": "refs/heads/feature"}]}
    assert host(git).exists("feature")


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500, 503])
def test_b2_an_unreadable_repository_does_not_mean_that_a_branch_is_gone(
    git: GitServer, status: int
) -> None:
    """GitHub answers 404 for all of a repository that a withdrawn token could see."""
    git.refusals = {"": status}

    for question in (host(git).exists, host(git).last_commit_at):
        with pytest.raises(HostUnavailable, match=f"answered {status}"):
            question("main")
    with pytest.raises(HostUnavailable, match=f"answered {status}"):
        list(host(git).branches())


@pytest.mark.parametrize("body", [b"<html>", {"ref": "refs/heads/other"}, {"ref": 7}, 7])
def test_b2_a_malformed_answer_does_not_mean_that_a_branch_is_gone(
    git: GitServer, body: Any
) -> None:
    git.bodies = {"/main": body}

    with pytest.raises(HostUnavailable, match=r"no JSON|another ref"):
        host(git).exists("main")


def test_b2_without_an_answer_of_the_host_no_branch_is_gone() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        nobody = GitHubHost(api_url=url, repository=REPOSITORY, token=str)
        with pytest.raises(HostUnavailable, match="refused"):
            nobody.exists("main")


@pytest.mark.parametrize("has_links", [True, False])
@pytest.mark.parametrize("count", [1, 99, 100, 101, 200, 230])
def test_b2_every_page_of_branches_is_read(git: GitServer, count: int, has_links: bool) -> None:
    git.branches = {f"b{number:03}": DATE for number in range(count)}
    git.has_links = has_links

    assert list(host(git).branches()) == sorted(git.branches)


def test_b2_a_short_page_with_a_link_is_not_the_last(git: GitServer) -> None:
    """Pages may be shorter than asked for."""
    git.branches = {f"b{number:03}": DATE for number in range(120)}
    git.page_size_max = 50

    assert len(list(host(git).branches())) == 120


@pytest.mark.parametrize("body", [{"message": "busy"}, [{"title": "x"}], ["main"], [{"name": ""}]])
def test_b2_a_malformed_list_of_branches_is_an_error(git: GitServer, body: Any) -> None:
    git.bodies = {"/branches": body}

    with pytest.raises(HostUnavailable, match=r"no list|no name"):
        list(host(git).branches())


def test_b2_a_list_with_too_many_pages_is_an_error(git: GitServer) -> None:
    git.bodies = {"/branches": [{"name": "main"}]}
    git.headers = {"Link": '<more>; rel="next"'}

    with pytest.raises(HostUnavailable, match="more than 1000 pages"):
        list(host(git).branches())


def test_b2_the_age_of_a_branch_is_that_of_its_last_commit(git: GitServer) -> None:
    git.branches = {"feature/a": DATE}

    assert host(git).last_commit_at("feature/a") == datetime(2026, 11, 21, 3, tzinfo=UTC)


@pytest.mark.parametrize("body", [{}, {"commit": None}, {"commit": {"committer": {"date": "?"}}}])
def test_b2_a_commit_without_a_date_has_no_age(git: GitServer, body: Any) -> None:
    git.bodies = {"/main": body}

    with pytest.raises(HostUnavailable, match="has no date"):
        host(git).last_commit_at("main")


def test_the_token_is_sent_when_there_is_one(git: GitServer) -> None:
    git.branches = {"main": DATE}

    host(git).exists("main")
    host(git, token="secret").exists("main")

    assert git.tokens == [None, "Bearer secret"]


def test_b2_no_connection_is_kept_for_the_next_invocation(git: GitServer) -> None:
    """Lambda may pause the function in between; GitHub closes the connection meanwhile, and a
    failed request is not repeated."""
    git.branches = {"main": DATE}

    github = host(git)

    assert github.exists("main")
    assert github.exists("main")

    assert len(set(git.clients)) == len(git.clients) == 2


def test_the_token_does_not_follow_a_redirect(git: GitServer) -> None:
    git.refusals = {"/main": 302}
    git.headers = {"Location": f"{git.url}/elsewhere"}

    with pytest.raises(HostUnavailable, match="answered 302") as refused:
        host(git, token="secret").exists("main")

    assert len(git.asked) == 1
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://api.github.com", "ftp://127.0.0.2", "//example.com", ""])
def test_the_token_is_not_sent_over_plain_http(url: str) -> None:
    with pytest.raises(ValueError, match="only sent over https"):
        GitHubHost(api_url=url, repository=REPOSITORY, token=str)


def test_github_sends_no_events_to_the_account() -> None:
    github = GitHubHost(api_url="https://api.github.com", repository=REPOSITORY, token=str)

    assert github.account_event({"source": "aws.codecommit"}) is None
