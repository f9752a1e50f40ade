"""The files of facts agree with the deployed environments."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from local_cloud.branch_hub import webhook
from local_cloud.environments import deployed_environments, the_environment
from local_cloud.paths import ROOT
from local_cloud.server import CloudError
from tests.local_cloud.branches.cloud import eventually
from tests.local_cloud.branches.environment import commit_environment, facts_files
from tests.local_cloud.branches.hub import Branches


@pytest.fixture
def branch() -> str:
    return f"feature/Ünï-Test_{uuid.uuid4().hex[:8]}"


def push(branches: Branches, branch: str) -> str:
    return branches.cloud.push_reference(f"HEAD:refs/heads/{branch}", quiet=False)


def facts_of(branches: Branches, suffix: str) -> dict[str, str]:
    return the_environment(branches.cloud.paths, branches.cloud.running, suffix=suffix)


def test_a_deployment_writes_the_facts_and_a_deletion_deletes_them(
    branches: Branches, branch: str
) -> None:
    suffix = commit_environment(branches, branch)
    said = push(branches, branch)
    assert f"SUFFIX={suffix}" in said
    assert facts_files(branches, suffix) == [".json", ".pem"]
    facts = facts_of(branches, suffix)
    assert facts["branch"] == branch
    assert facts["commit"] == branches.cloud.git.branches()[branch]

    said = branches.cloud.push_reference(f":refs/heads/{branch}", quiet=False)
    assert f"branch {branch}: nothing remains" in said
    assert facts_files(branches, suffix) == []


def test_a_deletion_without_a_follower_deletes_the_facts(branches: Branches, branch: str) -> None:
    suffix = commit_environment(branches, branch)
    push(branches, branch)
    assert facts_files(branches, suffix) == [".json", ".pem"]
    branches.cloud.drop(branch)
    branches.send_event(webhook.deleted(branch))
    eventually(lambda: facts_files(branches, suffix) == [])


def test_a_push_without_a_follower_has_facts(branches: Branches, branch: str) -> None:
    suffix = commit_environment(branches, branch)
    branches.cloud.push_reference(f"HEAD:refs/heads/{branch}")
    commit = branches.cloud.git.branches()[branch]
    branches.created(branches.send_event(webhook.pushed(branch, commit=commit)))
    eventually(lambda: facts_of(branches, suffix)["commit"] == commit)
    assert facts_files(branches, suffix) == [".json", ".pem"]
    branches.delete(branch)


def test_files_of_missing_environments_are_ignored_and_deleted(
    branches: Branches,
) -> None:
    folder = branches.cloud.paths.environments
    folder.mkdir(exist_ok=True)
    for ending in (".json", ".pem"):
        (folder / f"dead-0a1b2c{ending}").write_text(json.dumps({"suffix": "dead-0a1b2c"}))

    known = deployed_environments(branches.cloud.paths, branches.cloud.running)

    assert "dead-0a1b2c" not in {facts["suffix"] for facts in known}
    assert facts_files(branches, "dead-0a1b2c") == []


def shell(branches: Branches, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={
            **os.environ,
            "LOCAL_STATE": str(branches.cloud.paths.state),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
    )


def test_with_several_environments_the_suffix_is_required(branches: Branches, branch: str) -> None:
    names = [branch, f"{branch}-second"]
    suffixes = []
    for name in names:
        suffixes.append(commit_environment(branches, name))
        push(branches, name)
    choice = " or ".join(f"SUFFIX={suffix}" for suffix in sorted(suffixes))

    redrive = "python -m local_cloud redrive"  # without the set-up that make does first
    for command in ("make -s session", "make -s check-roles", "make -s drill-kill-task", redrive):
        done = shell(branches, command)
        assert done.returncode != 0, command
        assert f"there are several environments: add {choice}" in done.stderr, command
        assert "Traceback" not in done.stderr, command

    # The variables of an earlier session are not used by mistake.
    done = shell(branches, 'TOKEN=old; eval "$(make -s session)"; echo "$? [$TOKEN]"')
    assert done.stdout == "1 []\n"

    branches.delete(names[1])
    # Now it is the only environment. It has no secret.
    done = shell(branches, "make -s session")
    assert f"environment {suffixes[0]}: its secret" in done.stderr
    assert "Traceback" not in done.stderr
    done = shell(branches, redrive)
    assert f"transaction-dead-letters-{suffixes[0]}" in done.stdout
    done = shell(branches, "make -s session SUFFIX=typo")
    assert f"there is no such environment; there is {suffixes[0]}" in done.stderr

    branches.delete(names[0])
    with pytest.raises(CloudError, match="there is no environment: `make up`"):
        the_environment(branches.cloud.paths, branches.cloud.running)
