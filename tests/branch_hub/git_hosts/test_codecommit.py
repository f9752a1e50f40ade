"""S8, B2: branches at CodeCommit; an error never means that a branch is gone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from branch_hub.git_hosts.codecommit import CodeCommitHost
from branch_hub.git_hosts.git_host import HostUnavailable
from tests.aws_stubs import type_of_aws

BRANCH = {"repositoryName": "app", "branchName": "feature/a"}
TIP = {"branch": {"branchName": "feature/a", "commitId": "c0ffee"}}


def host(aws: type_of_aws) -> tuple[CodeCommitHost, Any]:
    codecommit, stub = aws("codecommit")
    return CodeCommitHost(codecommit=codecommit, repository="app"), stub


class Unreachable:
    def __getattr__(self, _: str) -> Any:
        def call(**__: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://codecommit")

        return call


def test_s8_a_branch_exists_if_codecommit_returns_it(aws: type_of_aws) -> None:
    asked, stub = host(aws)
    stub.add_response("get_branch", TIP, BRANCH)

    assert asked.exists("feature/a")


def test_s8_a_branch_is_gone_if_codecommit_reports_that_it_does_not_exist(aws: type_of_aws) -> None:
    asked, stub = host(aws)
    stub.add_client_error("get_branch", "BranchDoesNotExistException", expected_params=BRANCH)

    assert not asked.exists("feature/a")


@pytest.mark.parametrize(
    "code", ["RepositoryDoesNotExistException", "ThrottlingException", "AccessDeniedException"]
)
def test_b2_any_other_error_does_not_mean_that_a_branch_is_gone(
    aws: type_of_aws, code: str
) -> None:
    asked, stub = host(aws)
    for operation in ("get_branch", "list_branches", "get_branch"):
        stub.add_client_error(operation, code)

    with pytest.raises(HostUnavailable, match=code):
        asked.exists("feature/a")
    with pytest.raises(HostUnavailable, match=code):
        list(asked.branches())
    with pytest.raises(HostUnavailable, match=code):
        asked.last_commit_at("feature/a")


def test_b2_a_connection_error_does_not_mean_that_a_branch_is_gone() -> None:
    with pytest.raises(HostUnavailable, match="https://codecommit"):
        CodeCommitHost(codecommit=Unreachable(), repository="app").exists("feature/a")


def test_b2_every_page_of_branches_is_read(aws: type_of_aws) -> None:
    asked, stub = host(aws)
    first = {"branches": ["a", "b"], "nextToken": "more"}
    stub.add_response("list_branches", first, {"repositoryName": "app"})
    stub.add_response(
        "list_branches", {"branches": ["c"]}, {"repositoryName": "app", "nextToken": "more"}
    )

    assert list(asked.branches()) == ["a", "b", "c"]


def test_b2_the_age_of_a_branch_is_that_of_its_last_commit(aws: type_of_aws) -> None:
    asked, stub = host(aws)
    stub.add_response("get_branch", TIP, BRANCH)
    commit = {"commit": {"committer": {"date": "1795316400 -0800"}}}
    stub.add_response("get_commit", commit, {"repositoryName": "app", "commitId": "c0ffee"})

    assert asked.last_commit_at("feature/a") == datetime(2026, 11, 22, 3, tzinfo=UTC)
