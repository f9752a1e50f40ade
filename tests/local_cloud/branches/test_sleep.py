"""B13: an environment sleeps and wakes with the hub's real machines and functions, with PostgreSQL.

What was posted before is there afterwards; what was sent meanwhile waits.
"""

import os
import subprocess
import sys
import uuid
from typing import Any

import pytest

from lambda_src.shared.branch_suffix import suffix_of_branch
from local_cloud.aws import environment
from local_cloud.paths import ROOT
from tests.local_cloud.branches.cloud import eventually
from tests.local_cloud.branches.hub import Branches, pipeline_template
from tests.local_cloud.branches.sleepy import Sleepy, application
from tests.local_cloud.emulator.conftest import PROGRAM
from tests.local_cloud.emulator.images import publish_image

AWAKE: dict[str, Any] = {
    "database": ["available"],
    "servers": 2,
    "tasks": (2, 2),
    "alarms": True,
    "queue": "Enabled",
    "schedule": "ENABLED",
    "scaling": True,
}
ASLEEP: dict[str, Any] = {
    "database": ["stopped"],
    "servers": 0,
    "tasks": (0, 0),
    "alarms": False,
    "queue": "Disabled",
    "schedule": "DISABLED",
    "scaling": False,
}


def make(branches: Branches, command: str, branch: str) -> subprocess.CompletedProcess[str]:
    """`make sleep` and `make wake`, without their set-up."""
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", command, "--branch", branch],
        cwd=ROOT,
        env={**os.environ, "LOCAL_STATE": str(branches.cloud.paths.state)},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def branch(branches: Branches) -> str:
    name = f"feature/sleepy-{uuid.uuid4().hex[:8]}"
    cloud = branches.cloud
    publish_image(cloud.paths, PROGRAM)
    created = branches.create(
        name,
        files={
            "application.json": application(cloud, suffix_of_branch(name)),
            "pipeline.json": pipeline_template(name, "true"),
        },
    )
    assert created.outcome == "create"
    assert created.succeeded
    return name


@pytest.fixture
def sleepy(branches: Branches, branch: str) -> Sleepy:
    return Sleepy(cloud=branches.cloud, suffix=suffix_of_branch(branch))


def test_b13_what_was_posted_before_the_sleep_is_read_after_it(
    branches: Branches, branch: str, sleepy: Sleepy
) -> None:
    eventually(lambda: sleepy.parts() == AWAKE)
    with sleepy.database() as cursor:
        cursor.execute("CREATE TABLE posted (id int)")
        cursor.execute("INSERT INTO posted VALUES (42)")

    slept = make(branches, "sleep", branch)
    assert slept.returncode == 0, slept.stdout + slept.stderr
    assert "its alarms are silent" in slept.stdout
    eventually(lambda: sleepy.parts() == ASLEEP)
    record = branches.record(sleepy.suffix)
    assert (record["state"], "since " in record["sleeping"]) == ("live", True)
    status = branches_status(branches)
    assert "live, asleep since " in status

    sleepy.send()
    again = make(branches, "sleep", branch)  # a second click, or the next evening
    assert again.returncode == 0, again.stdout + again.stderr
    assert sleepy.parts() == ASLEEP
    assert sleepy.waiting() == 1

    woken = make(branches, "wake", branch)
    assert woken.returncode == 0, woken.stdout + woken.stderr
    eventually(lambda: sleepy.parts() == AWAKE)
    assert "sleeping" not in branches.record(sleepy.suffix)
    with sleepy.database() as cursor:
        cursor.execute("SELECT id FROM posted")
        assert cursor.fetchall() == ([42],)
    eventually(lambda: sleepy.waiting() == 0)


def branches_status(branches: Branches) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", "status"],
        cwd=ROOT,
        env={**os.environ, "LOCAL_STATE": str(branches.cloud.paths.state)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_b13_a_run_of_its_pipeline_wakes_it(
    branches: Branches, branch: str, sleepy: Sleepy
) -> None:
    """Its own build waits for the end of the tag; see pipeline/steps/awake.py."""
    assert make(branches, "sleep", branch).returncode == 0
    waiting = subprocess.Popen(
        [
            sys.executable, "-m", "pipeline.steps.awake",
            "--cluster", f"transaction-cluster-{sleepy.suffix}",
        ],
        cwd=ROOT,
        env={**os.environ, **environment(branches.cloud.url)},
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert waiting.stdout is not None
    # Before the run starts: the tag is gone soon after it.
    assert "sleeps since" in waiting.stdout.readline()

    started = branches.cloud.aws.codepipeline.start_pipeline_execution(
        name=f"transaction-pipeline-{sleepy.suffix}"
    )

    assert started["pipelineExecutionId"]
    eventually(lambda: sleepy.parts() == AWAKE)
    output, _ = waiting.communicate()
    assert f"transaction-cluster-{sleepy.suffix} is awake" in output


def test_b13_the_trunk_does_not_sleep(branches: Branches) -> None:
    refused = make(branches, "sleep", "main")

    assert refused.returncode == 1
    assert "never sleeps" in refused.stdout


def test_b13_a_sleeping_environment_is_deleted_as_a_whole(
    branches: Branches, branch: str, sleepy: Sleepy
) -> None:
    assert make(branches, "sleep", branch).returncode == 0
    eventually(lambda: sleepy.parts() == ASLEEP)

    deleted = branches.delete(branch)

    assert deleted.succeeded
    assert "StartDatabase" in branches.steps(deleted)
    assert branches.remains(sleepy.suffix) == []
    assert branches.record(sleepy.suffix) == {}
