"""A drill that cannot run ends with one line that says why."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from local_cloud.drills import rolling_update
from local_cloud.drills.kill_database import kill_database
from local_cloud.drills.kill_task import kill_task
from local_cloud.drills.rehearsal import Outcome, Scene, rehearse
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError


@pytest.mark.parametrize(
    ("drill", "message"),
    [
        (kill_task, "environment main-0a1b2c has no healthy task"),
        (kill_database, "the database has a standby in sync: not within"),
    ],
)
def test_an_environment_without_a_victim_is_an_error(
    tmp_path: Path, drill: Callable[[Scene], Outcome], message: str
) -> None:
    paths = CloudPaths(tmp_path)
    for folder, facts in ((paths.services, {"state": "starting"}), (paths.databases, None)):
        folder.mkdir(parents=True)
        (folder / "x-main-0a1b2c.json").write_text(json.dumps([facts] if facts else []))
    with pytest.raises(CloudError, match=message):
        drill(Scene(paths=paths, suffix="main-0a1b2c", recovery_timeout_seconds=0.3))


def test_a_rolling_update_from_an_unknown_commit_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert rolling_update.main(["--from", "no-such-commit"]) == 1

    assert "'no-such-commit' is not a commit of this clone" in capsys.readouterr().err


def test_a_drill_without_a_cloud_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_STATE", str(tmp_path))

    assert rehearse(kill_task, drill="kill-task") == 1
    assert rolling_update.main([]) == 1

    assert capsys.readouterr().err.count("run `make up` first") == 2
