"""Deletes the files of an earlier server of this state folder before a new one starts."""

import shutil
from pathlib import Path

from local_cloud.paths import CloudPaths


def remove_leftovers(paths: CloudPaths) -> None:
    """Call while nothing of the state folder runs. Logs, records of runs, images and caches stay.

    The emulator keeps its state in memory, so its files mean nothing to the next server. Folders of
    builds are left by builds that were killed.
    """
    for folder in (paths.cloud, paths.environments, paths.work, *_build_folders(paths)):
        shutil.rmtree(folder, ignore_errors=True)
    for artifacts in paths.state.glob("pipelines/*/executions/*/artifacts"):
        shutil.rmtree(artifacts, ignore_errors=True)


def _build_folders(paths: CloudPaths) -> list[Path]:
    """All but the build numbers, which continue as on AWS."""
    return [folder for folder in paths.builds.glob("*") if folder != paths.build_numbers]
