"""B11: GitHub allows 60 requests an hour without a token; an error says what to do."""

import pytest

from branch_hub.git_hosts.git_host import HostUnavailable
from branch_hub.git_hosts.github import GitHubHost
from tests.branch_hub.git_server import REPOSITORY, GitServer

SET_TOKEN = "put a token into the field `token` of the hub's secret, for a public repository, too"


def complaint(git: GitServer, *, token: str = "t0ken") -> str:
    host = GitHubHost(api_url=git.url, repository=REPOSITORY, token=lambda: token)
    with pytest.raises(HostUnavailable) as refused:
        host.last_commit_at("main")
    return str(refused.value)


def test_b11_github_com_is_not_asked_without_a_token() -> None:
    """It would work until another user of the address has made 60 requests."""
    host = GitHubHost(api_url="https://api.github.com", repository=REPOSITORY, token=str)

    with pytest.raises(HostUnavailable, match="not asked, because the hub has no token") as refused:
        host.exists("main")

    assert "60 requests an hour for each address" in str(refused.value)
    assert SET_TOKEN in str(refused.value)


def test_b11_another_server_is_asked_without_a_token(git: GitServer) -> None:
    git.branches = {"main": "2026-11-21T05:00:00Z"}

    assert GitHubHost(api_url=git.url, repository=REPOSITORY, token=str).exists("main")


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("reset", "until"),
    [("1795658400", ", until 02:00 UTC"), ("soon", ""), ("9" * 30, ""), (None, "")],
)
def test_b11_a_reached_rate_limit_says_its_size_and_its_end(
    git: GitServer, status: int, reset: str | None, until: str
) -> None:
    git.refusals = {"": status}
    git.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "60"}
    if reset is not None:
        git.headers["X-RateLimit-Reset"] = reset

    said = complaint(git)

    assert said.endswith(f"({'the rate limit of 60 requests an hour is reached'}{until})")
    assert SET_TOKEN in complaint(git, token="")


def test_b11_requests_that_come_too_fast_say_how_long_to_wait(git: GitServer) -> None:
    git.refusals, git.headers = {"": 429}, {"Retry-After": "30"}

    assert "too many requests at once: wait 30 seconds" in complaint(git)


def test_b11_a_forbidden_repository_is_no_rate_limit(git: GitServer) -> None:
    git.refusals, git.headers = {"": 403}, {"X-RateLimit-Remaining": "4999"}

    assert complaint(git).endswith("(the token may not read this: it needs Contents: read for this "
                                   "repository)")  # fmt: skip


def test_b2_no_answer_contains_the_token(git: GitServer) -> None:
    git.refusals = {"": 401}

    assert "t0ken" not in complaint(git)
