"""Which files of an earlier server of this state folder stay when a new one starts."""

import shutil
from pathlib import Path

from local_cloud.paths import CloudPaths


def remove_leftovers(paths: CloudPaths) -> None:
    """Call while nothing of the state folder runs, and there is no saved state.

    Logs, records of runs, images and caches stay. Without saved state the other files mean nothing
    to the next server.
    """
    remove_passing(paths)
    for folder in (paths.cloud, paths.environments):
        shutil.rmtree(folder, ignore_errors=True)
    for artifacts in paths.state.glob("pipelines/*/executions/*/artifacts"):
        shutil.rmtree(artifacts, ignore_errors=True)


def remove_passing(paths: CloudPaths) -> None:
    """Call while nothing of the state folder runs. Removes what does not outlive a server.

    Those are the marks of drills (lost zones, outages, clocks), temporary files, the files of the
    load balancer, and the folders of builds that were killed.
    """
    for mark in (paths.lost_zones, paths.outages):
        mark.unlink(missing_ok=True)
    for folder in (
        paths.database_clock, paths.temporary,
        paths.load_balancers, paths.work, *_build_folders(paths),
    ):  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)


def _build_folders(paths: CloudPaths) -> list[Path]:
    """All but the build numbers, which continue as on AWS."""
    return [folder for folder in paths.builds.glob("*") if folder != paths.build_numbers]
