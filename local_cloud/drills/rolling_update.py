"""Drill: another version of service and schema is delivered under load; no request may fail.

make drill-rolling-update                  the current commit, to the environment of `make up`
make drill-rolling-update FROM=<commit>    a local cloud of its own, from that commit to the current
"""

import argparse
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

from local_cloud.assembly import ENVIRONMENT, HUB, deploy
from local_cloud.delivery import deliver
from local_cloud.drills.rehearsal import Outcome, Scene, rehearse_in
from local_cloud.drills.versions import VersionWatch
from local_cloud.environments import the_environment
from local_cloud.facts import Facts
from local_cloud.git_host import GitHost, commit_of
from local_cloud.paths import ROOT, CloudPaths, state_dir
from local_cloud.pipeline.executions import execution_states
from local_cloud.server import CloudError, RunningCloud, running_cloud, start_cloud, stop_cloud
from local_cloud.stacks import find_pipeline
from local_cloud.terminal import line_by_line
from operations.drills.acknowledgements import Stream

# The audit trail of the local cloud follows this load also on two busy cores: the integration tests
# wait at most a minute for it.
_REQUESTS_PER_SECOND = 20.0
_BRANCH = "rolling-update"
_LOOK_AGAIN_SECONDS = 0.5


class Delivery(threading.Thread):
    """Delivers a commit in the background, as `make up` does. Ends with the process."""

    def __init__(self, paths: CloudPaths, *, branch: str, commit: str) -> None:
        super().__init__(daemon=True)
        self.succeeded = False
        self._paths = paths
        self._branch = branch
        self._commit = commit

    def run(self) -> None:
        git = GitHost(self._paths.repository, state=self._paths.state)
        git.push(ROOT, commit=self._commit, branch=self._branch)
        self.succeeded = deliver(
            self._paths, _cloud_of(self._paths), git, branch=self._branch, commit=self._commit
        )

    def wait_until_built(self) -> None:
        """Return when the commit is synthesized and tested, or cannot be delivered."""
        while self.is_alive() and not self._is_built():
            time.sleep(_LOOK_AGAIN_SECONDS)

    def wait_until_deployed(self) -> None:
        """Return at the end of the delivery. Raises CloudError if it failed."""
        self.join()
        if not self.succeeded:
            raise CloudError(f"{self._commit[:12]} was not delivered: see above")

    def _is_built(self) -> bool:
        pipeline = find_pipeline(self._paths, self._branch)
        runs = execution_states(self._paths.state, pipeline.name) if pipeline else []
        return any(
            run["commit"] == self._commit
            and all(
                a["state"] == "Succeeded" for stage in run["stages"][:2] for a in stage["actions"]
            )
            for run in runs
        )


def rolling_update(facts: Facts, delivery: Delivery) -> Callable[[Scene], Outcome]:
    """The scenario: the rest of the delivery, in which every task is replaced."""

    def scenario(scene: Scene) -> Outcome:
        began = scene.faults.begins("another version is delivered (no fault)")
        before = {task["id"] for task in scene.healthy_tasks()}
        with VersionWatch.of(facts, _cloud_of(scene.paths)) as versions:
            delivery.wait_until_deployed()
        if before & {task["id"] for task in scene.healthy_tasks()}:
            raise CloudError("tasks were not replaced: the service is the same in both commits")
        scene.faults.ends("all tasks are replaced")
        print(f"/version was answered by {versions.seen()}")
        took = time.monotonic() - began
        return Outcome(broke_at=began, recovery=f"all tasks replaced, delivered after {took:.0f} s")

    return scenario


def failed_requests(stream: Stream) -> list[str]:
    """A problem if a request of the stream was not acknowledged at once."""
    if not stream.faults:
        return []
    return [f"{len(stream.faults)} requests failed and were sent again: {stream.faults[:5]}"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suffix", default="", help="the environment; default: the only one")
    parser.add_argument("--from", dest="start", default="", help="the commit to start from")
    chosen = parser.parse_args(arguments)
    line_by_line(sys.stdout)
    try:
        commit = commit_of(ROOT, "HEAD")
        if not chosen.start:
            return _drill(CloudPaths(state_dir()), commit=commit, suffix=chosen.suffix)
        with _own_cloud(commit_of(ROOT, chosen.start)) as paths:
            return _drill(paths, commit=commit, suffix="")
    except CloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _drill(paths: CloudPaths, *, commit: str, suffix: str) -> int:
    cloud = _cloud_of(paths)
    facts = the_environment(paths, cloud, suffix=suffix)
    if facts["commit"] == commit:
        raise CloudError(
            f"environment {facts['suffix']} has commit {commit[:12]} already: commit a change "
            "first, or add FROM=<an older commit>"
        )

    def check(_: Scene, stream: Stream, __: list[str]) -> list[str]:
        return failed_requests(stream)

    delivery = Delivery(paths, branch=facts["branch"], commit=commit)
    delivery.start()
    # Until then nothing changes in the environment, and the load would slow the commit's tests.
    delivery.wait_until_built()
    return rehearse_in(
        paths,
        drill="rolling-update",
        suffix=facts["suffix"],
        scenario=rolling_update(facts, delivery),
        requests_per_second=_REQUESTS_PER_SECOND,
        queue=True,
        check=check,
    )


@contextlib.contextmanager
def _own_cloud(commit: str) -> Iterator[CloudPaths]:
    """A local cloud beside that of `make up`, with an environment of `commit`; stopped at the end.

    The environment is deployed without its pipeline: the tests of that commit passed long ago.
    """
    paths = CloudPaths(state_dir() / "rolling")
    cloud = start_cloud(paths)
    try:
        git = GitHost(paths.repository, state=paths.state)
        git.ensure()
        git.push(ROOT, commit=commit, branch=_BRANCH)
        print(f"deploying the environment of {commit[:12]} (cdk deploy) ...")
        for stacks in (HUB, ENVIRONMENT):  # the hub has the repository of the service's image
            deploy(
                paths, cloud, git, stacks=[stacks], branch=_BRANCH, commit=commit,
                promotion="environment", log=paths.logs / "rolling-update-first.log",
            )  # fmt: skip
        yield paths
    finally:
        stop_cloud(paths)


def _cloud_of(paths: CloudPaths) -> RunningCloud:
    cloud = running_cloud(paths)
    if cloud is None:
        raise CloudError("the drill needs a live environment: run `make up` first")
    return cloud


if __name__ == "__main__":
    sys.exit(main())
