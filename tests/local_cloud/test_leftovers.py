"""Which files of an earlier server are deleted when the next one starts."""

from pathlib import Path

from local_cloud.leftovers import remove_leftovers, remove_passing
from local_cloud.paths import CloudPaths

RUN = "pipelines/p/executions/e"


def test_without_saved_state_only_logs_records_and_caches_stay(tmp_path: Path) -> None:
    gone = [
        "cloud/recorded/x.json", "cloud/lost-zones", "cloud/tmp/pytest-of-root/x",
        "environments/x.json", "builds/p/Build.Synth/src/x", "work/first-deploy-1/x",
        f"{RUN}/artifacts/Source/x",
    ]  # fmt: skip
    kept = [
        "builds/numbers/project", "cache/npm/x", "database-authority/x", "git/r.git/HEAD",
        "images/registry/r/tag/x",
        f"{RUN}/state.json", f"{RUN}/logs/1/Build.Synth.log", "logs/builds/p/b.log",
    ]  # fmt: skip
    _write(tmp_path, *gone, *kept)
    remove_leftovers(CloudPaths(tmp_path))
    assert _left(tmp_path) == set(kept)


def test_with_saved_state_only_what_belongs_to_a_server_is_deleted(tmp_path: Path) -> None:
    """A drill's marks are forgotten: zones are back, services answer, the clocks are right."""
    gone = [
        "cloud/lost-zones", "cloud/outages", "cloud/database-clock/offset", "cloud/tmp/x",
        "cloud/load-balancers/process.json", "builds/p/Build.Synth/src/x", "work/first-deploy-1/x",
    ]  # fmt: skip
    kept = [
        "builds/numbers/project", "cloud/addresses.json", "cloud/databases/c/writer/PG_VERSION",
        "cloud/pipelines/p.json", "cloud/recorded/x.json", "cloud/s3/1/bucket/key",
        "cloud/saved/version.json", "environments/x.json", f"{RUN}/artifacts/Source/x",
    ]  # fmt: skip
    _write(tmp_path, *gone, *kept)
    remove_passing(CloudPaths(tmp_path))
    assert _left(tmp_path) == set(kept)


def _write(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")


def _left(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_a_missing_state_folder_is_accepted(tmp_path: Path) -> None:
    remove_leftovers(CloudPaths(tmp_path / "none"))
