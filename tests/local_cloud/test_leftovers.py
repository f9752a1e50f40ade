"""What a server has left goes before the next one starts; what a person may want to read stays."""

from pathlib import Path

from local_cloud.leftovers import remove_leftovers
from local_cloud.paths import CloudPaths

RUN = "pipelines/p/executions/e"


def test_folders_of_ended_builds_and_runs_go_and_logs_records_and_caches_stay(
    tmp_path: Path,
) -> None:
    gone = [
        "cloud/tmp/pytest-of-root/x", "builds/p/Build.Synth/src/x", "work/first-deploy-1/x",
        f"{RUN}/artifacts/Source/x",
    ]  # fmt: skip
    kept = [
        "builds/numbers/project", "cache/npm/x", "database-authority/x", "git/r.git/HEAD",
        "images/registry/r/tag/x",
        f"{RUN}/state.json", f"{RUN}/logs/1/Build.Synth.log", "logs/builds/p/b.log",
    ]  # fmt: skip
    for name in (*gone, *kept):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    remove_leftovers(CloudPaths(tmp_path))
    left = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert left == set(kept)


def test_a_new_state_folder_has_nothing_to_remove(tmp_path: Path) -> None:
    remove_leftovers(CloudPaths(tmp_path / "none"))
