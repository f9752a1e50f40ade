"""The source is configured in cdk.json; a wrong one is refused before anything is created."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from infra.errors import ConfigurationError
from pipeline.sources.choice import parse_source
from pipeline.sources.codecommit import CodeCommitSource
from pipeline.sources.github import GitHubSource
from tests.delivered import CONNECTION, GITHUB, Delivered
from tests.infra.templates import as_list

CODECOMMIT = {"kind": "codecommit", "repository": "ledger"}


@pytest.mark.parametrize("as_given", [dict, json.dumps])
def test_a_source_is_read_from_cdk_json_and_from_the_command_line(as_given: Any) -> None:
    assert parse_source(as_given(CODECOMMIT)) == CodeCommitSource(repository="ledger")
    assert parse_source(as_given(GITHUB)) == GitHubSource(
        repository="acme/ledger", connection_arn=CONNECTION
    )


@pytest.mark.parametrize(
    "written", [CODECOMMIT, GITHUB, {**GITHUB, "apiUrl": "https://github.example.com/api/v3"}]
)
def test_a_source_is_unchanged_after_writing_and_reading(written: dict[str, str]) -> None:
    assert parse_source(written).to_json() == written


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (None, r"source\.kind is None: it must be one of"),
        ("{oops", r"source is '\{oops': it must be a JSON object"),
        (["github"], r"source is \['github'\]: it must be an object"),
        ({}, r"source\.kind is None: it must be one of github, codecommit"),
        ({"kind": "svn"}, r"source\.kind is 'svn'"),
        ({"kind": ["github"]}, r"source\.kind is \['github'\]"),
        ({"kind": "codecommit"}, r"source\.repository is None"),
        ({"kind": "codecommit", "repository": "a/b"}, r"source\.repository is 'a/b'"),
        ({**GITHUB, "repository": "ledger"}, r"source\.repository is 'ledger': .*owner/name"),
        ({**GITHUB, "connectionArn": ""}, r"source\.connectionArn is ''"),
        ({**GITHUB, "connectionArn": 7}, r"source\.connectionArn is 7"),
        ({"kind": "github", "repository": "acme/ledger"}, r"source\.connectionArn is None"),
        ({**GITHUB, "apiUrl": ""}, r"source\.apiUrl is ''"),
        ({**GITHUB, "apiUrl": "http://github.example.com"}, r"it must be an https address"),
        ({**GITHUB, "apiUrl": "https://github.example.com/"}, r"without a slash at the end"),
        ({**GITHUB, "apiUrl": "https://user@github.example.com"}, r"source\.apiUrl is"),
        ({**GITHUB, "apiUrl": "https://github.example.com/a?b"}, r"source\.apiUrl is"),
    ],
)
def test_a_wrong_source_is_refused_with_the_key_to_set(value: object, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        parse_source(value)


def test_s7_a_push_to_codecommit_starts_the_pipeline(delivered: Delivered) -> None:
    pipeline, _ = delivered.pipeline.only("AWS::CodePipeline::Pipeline")
    rule = delivered.pipeline.one("AWS::Events::Rule")

    assert rule["EventPattern"]["detail"]["referenceName"] == ["feature/x"]
    assert rule["EventPattern"]["detail-type"] == ["CodeCommit Repository State Change"]
    assert pipeline in json.dumps(rule["Targets"])
    assert delivered.action("Source", "Source")["Configuration"] == {
        "RepositoryName": "transaction-pipeline",
        "BranchName": "feature/x",
        "PollForSourceChanges": False,
    }


def test_s7_a_push_to_github_starts_the_pipeline(from_github: Delivered) -> None:
    assert from_github.action("Source", "Source")["Configuration"] == {
        "ConnectionArn": CONNECTION,
        "FullRepositoryId": "acme/ledger",
        "BranchName": "main",
        "DetectChanges": True,
        "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
    }


def test_s7_only_pushes_to_its_own_branch_start_it(from_github: Delivered) -> None:
    assert from_github.pipeline.one("AWS::CodePipeline::Pipeline")["Triggers"] == [
        {
            "ProviderType": "CodeStarSourceConnection",
            "GitConfiguration": {
                "SourceActionName": "Source",
                "Push": [{"Branches": {"Includes": ["main"]}}],
            },
        }
    ]


def test_codecommit_needs_no_trigger_besides_its_event(delivered: Delivered) -> None:
    assert "Triggers" not in delivered.pipeline.one("AWS::CodePipeline::Pipeline")


def test_the_shell_gets_a_branch_name_unchanged() -> None:
    (command,) = CodeCommitSource(repository="ledger").check_branch(branch="it's $HOME; `x`")

    assert shlex.split(command)[-1] == "it's $HOME; `x`"


def test_the_pipeline_may_use_the_connection_under_both_names(from_github: Delivered) -> None:
    allowed = {
        action
        for policy in from_github.pipeline.properties("AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Resource"] == CONNECTION
        for action in as_list(statement["Action"])
    }

    assert allowed == {"codeconnections:UseConnection", "codestar-connections:UseConnection"}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of a repository with two branches; the name of one ends with that of the other."""
    folder = tmp_path_factory.mktemp("git")
    commit = ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "--allow-empty", "-m", "x"]
    for arguments in (
        ["init", "--quiet", "--initial-branch", "feature/x", "host"],
        ["-C", "host", *commit],
        ["-C", "host", "tag", "v1"],
        ["clone", "--quiet", "host", "clone"],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return folder / "clone"


@pytest.mark.parametrize(
    ("branch", "is_there"), [("feature/x", True), ("x", False), ("v1", False), ("gone", False)]
)
def test_a_clone_is_checked_for_exactly_its_branch(
    clone: Path, branch: str, is_there: bool
) -> None:
    """Checked with git: a branch with the same ending, or a tag, is another reference."""
    (command,) = parse_source(GITHUB).check_branch(branch=branch)

    done = subprocess.run(command, shell=True, cwd=clone, capture_output=True, check=False)

    assert done.returncode == (0 if is_there else 2)


@pytest.mark.parametrize(
    ("api_url", "kind", "location"),
    [
        ("https://api.github.com", "GITHUB", "https://github.com/acme/ledger.git"),
        (
            "https://github.example.com/api/v3",
            "GITHUB_ENTERPRISE",
            "https://github.example.com/acme/ledger.git",
        ),
        (
            "http://127.0.0.1:4566/_github",
            "GITHUB_ENTERPRISE",
            "http://127.0.0.1:4566/acme/ledger.git",
        ),
        ("https://api.acme.ghe.com", "GITHUB_ENTERPRISE", "https://acme.ghe.com/acme/ledger.git"),
    ],
)
def test_a_build_clones_from_the_server_of_the_api(api_url: str, kind: str, location: str) -> None:
    source = parse_source({**GITHUB, "apiUrl": api_url})

    assert source.build_source(Mock()) == {
        "Type": kind,
        "Location": location,
        "Auth": {"Type": "CODECONNECTIONS", "Resource": CONNECTION},
    }
