"""Drill: another version of service and schema is delivered under load; no request may fail.

make drill-rolling-update                  the current commit, to the environment of `make up`
make drill-rolling-update FROM=<commit>    a local cloud of its own, from that commit to the current
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from local_cloud.aws import AwsClients
from local_cloud.delivery import deliver
from local_cloud.drills.acknowledgements import Stream
from local_cloud.drills.audited import audit_problems
from local_cloud.drills.rehearsal import Outcome, Scene, rehearse_in
from local_cloud.drills.versions import VersionWatch
from local_cloud.environments import the_environment
from local_cloud.git_host import GitHost, commit_of
from local_cloud.paths import ROOT, CloudPaths, state_dir
from local_cloud.server import CloudError, RunningCloud, running_cloud, start_cloud, stop_cloud
from local_cloud.terminal import line_by_line

# The audit trail of the local cloud follows this load on two cores.
_REQUESTS_PER_SECOND = 50.0
_BRANCH = "rolling-update"


def rolling_update(commit: str) -> Callable[[Scene], Outcome]:
    """The scenario: push `commit` to the environment's branch and wait for its delivery."""

    def scenario(scene: Scene) -> Outcome:
        cloud = _cloud_of(scene.paths)
        facts = the_environment(scene.paths, cloud, suffix=scene.suffix)
        if facts["commit"] == commit:
            raise CloudError(
                f"environment {scene.suffix} has commit {commit[:12]} already: commit a change "
                "first, or add FROM=<an older commit>"
            )
        before = {task["id"] for task in scene.healthy_tasks()}
        pushed = time.monotonic()
        with VersionWatch.of(facts, cloud) as versions:
            if not _deliver(scene.paths, commit=commit, branch=facts["branch"]):
                raise CloudError(f"{commit[:12]} was not delivered: see above")
        after = {task["id"] for task in scene.healthy_tasks()}
        if before & after:
            raise CloudError(
                f"the delivery of {commit[:12]} did not replace the tasks: the service is the same "
                f"in {facts['commit'][:12]}"
            )
        print(f"answers of /version: {versions.seen()}")
        took = time.monotonic() - pushed
        return Outcome(broke_at=pushed, recovery=f"delivered after {took:.0f} s, tasks replaced")

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


def _drill(paths: CloudPaths, *, commit: str, suffix: str) -> int:
    since = datetime.now(UTC)

    def check(scene: Scene, stream: Stream, acknowledged: list[str]) -> list[str]:
        cloud = _cloud_of(scene.paths)
        facts = the_environment(scene.paths, cloud, suffix=scene.suffix)
        s3 = AwsClients(cloud.endpoint_url).s3
        audit = audit_problems(s3, facts["AuditBucketName"], acknowledged, since=since)
        return [*failed_requests(stream), *audit]

    return rehearse_in(
        paths,
        suffix=suffix,
        scenario=rolling_update(commit),
        requests_per_second=_REQUESTS_PER_SECOND,
        queue=True,
        check=check,
    )


@contextlib.contextmanager
def _own_cloud(commit: str) -> Iterator[CloudPaths]:
    """A local cloud beside that of `make up`, which has delivered `commit`; stopped at the end."""
    paths = CloudPaths(state_dir() / "rolling")
    start_cloud(paths)
    try:
        GitHost(paths.repository, state=paths.state).ensure()
        if not _deliver(paths, commit=commit, branch=_BRANCH):
            raise CloudError(f"{commit[:12]}, the commit to start from, was not delivered")
        yield paths
    finally:
        stop_cloud(paths)


def _deliver(paths: CloudPaths, *, commit: str, branch: str) -> bool:
    """Push `commit` and show the run of its pipeline, as `make up` does; True if it succeeded."""
    git = GitHost(paths.repository, state=paths.state)
    git.push(ROOT, commit=commit, branch=branch)
    return deliver(paths, _cloud_of(paths), git, branch=branch, commit=commit)


def _cloud_of(paths: CloudPaths) -> RunningCloud:
    cloud = running_cloud(paths)
    if cloud is None:
        raise CloudError("the local cloud is not running: `make up` starts it")
    return cloud


if __name__ == "__main__":
    sys.exit(main())
