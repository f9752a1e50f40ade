"""Files of an earlier server are deleted; logs, records and caches stay."""

from pathlib import Path

from local_cloud.leftovers import remove_leftovers
from local_cloud.paths import CloudPaths

RUN = "pipelines/p/executions/e"


def test_working_folders_are_deleted_and_logs_records_and_caches_stay(
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


def test_a_missing_state_folder_is_accepted(tmp_path: Path) -> None:
    remove_leftovers(CloudPaths(tmp_path / "none"))
