"""Removes what an earlier server of this state folder left, before a new one starts."""

import shutil
from pathlib import Path

from local_cloud.paths import CloudPaths


def remove_leftovers(paths: CloudPaths) -> None:
    """Call while nothing of the state folder runs. Logs, records of runs, images and caches stay.

    The emulator forgets when it stops: what it described is gone, and so is what belonged to it.
    Folders of builds are left where a build, or the machine, was ended from outside.
    """
    for folder in (paths.cloud, paths.environments, paths.work, *_build_folders(paths)):
        shutil.rmtree(folder, ignore_errors=True)
    for artifacts in paths.state.glob("pipelines/*/executions/*/artifacts"):
        shutil.rmtree(artifacts, ignore_errors=True)


def _build_folders(paths: CloudPaths) -> list[Path]:
    """The numbers of builds go on, as on AWS."""
    return [folder for folder in paths.builds.glob("*") if folder != paths.build_numbers]
