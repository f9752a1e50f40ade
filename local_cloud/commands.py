"""The commands of the local cloud. Each returns its exit code."""

import shutil
import time
from datetime import UTC, datetime

from local_cloud.answers import ask_on_terminal
from local_cloud.deletions import deletion_named
from local_cloud.delivery import deliver
from local_cloud.destroying import destroy_branch
from local_cloud.git_host import GitHost, current_branch, is_dirty
from local_cloud.page import show_page, start_page
from local_cloud.paths import ROOT, CloudPaths
from local_cloud.retry import run_again
from local_cloud.server import (
    CloudError,
    RunningCloud,
    exclusive,
    running_cloud,
    start_cloud,
    stop_cloud,
)
from local_cloud.session import clear_session, open_session
from local_cloud.status import show_status
from local_cloud.task_output import show_task_output


def up(paths: CloudPaths, *, promotion: str) -> int:
    """Start the cloud if it does not run, and deliver the current commit of the checkout."""
    busy = "another `make up` is running for this state folder: wait for it, or stop it first"
    with exclusive(paths, "up", busy=busy):
        started = time.monotonic()
        cloud = start_cloud(paths)
        print(
            f"local cloud: {cloud.endpoint_url} (process {cloud.pid}, "
            f"log {paths.server_log}), ready after {time.monotonic() - started:.1f} s"
        )
        show_page(paths, cloud)
        git = GitHost(paths.repository, state=paths.state)
        git.ensure()
        git.add_remote(ROOT)
        if is_dirty(ROOT):
            print("note: uncommitted changes are not delivered, only commits are")
        branch, commit = git.push_head(ROOT)
        pushed_at = datetime.now(UTC)
        with deletion_named(paths, branch=branch, since=pushed_at):
            is_green = deliver(paths, cloud, git, branch=branch, commit=commit, promotion=promotion)
        print(f"make up took {time.monotonic() - started:.0f} s")
        return 0 if is_green else 1


def page(paths: CloudPaths) -> int:
    """Start the page if it does not run, or again if its code has changed; print its address."""
    print(f"page: {start_page(paths, _running(paths))}")
    return 0


def down(paths: CloudPaths) -> int:
    print("stopped" if stop_cloud(paths) else "nothing was running")
    return 0


def clean(paths: CloudPaths) -> int:
    """Stop everything and delete the state folder."""
    down(paths)
    shutil.rmtree(paths.state, ignore_errors=True)
    return 0


def destroy(paths: CloudPaths, *, branch: str, answer: str) -> int:
    """Ask, then delete a branch with its environment and its pipeline."""
    cloud = _running(paths)
    branch = branch or current_branch(ROOT)
    is_done = destroy_branch(paths, cloud, branch=branch, answer=answer, ask=ask_on_terminal)
    return 0 if is_done else 1


def retry(paths: CloudPaths, *, branch: str) -> int:
    """Run a branch's newest commit again and show the run, as a push does."""
    return 0 if run_again(paths, _running(paths), branch=branch or current_branch(ROOT)) else 1


def session(paths: CloudPaths, *, suffix: str) -> int:
    """Open a session and print shell assignments of API, CA and TOKEN, for `eval`."""
    clear_session()
    open_session(paths, _running(paths), suffix=suffix)
    return 0


def status(paths: CloudPaths) -> int:
    cloud = running_cloud(paths)
    if cloud is None:
        print("the local cloud is not running: `make up` starts it")
        return 0
    show_status(paths, cloud)
    return 0


def logs(paths: CloudPaths, *, follow: bool) -> int:
    """Print the logs of all tasks."""
    _running(paths)
    show_task_output(paths, follow=follow)
    return 0


def _running(paths: CloudPaths) -> RunningCloud:
    cloud = running_cloud(paths)
    if cloud is None:
        raise CloudError("the local cloud is not running: `make up` starts it")
    return cloud
