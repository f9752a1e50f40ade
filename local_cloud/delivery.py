"""`make up`: deploys what a person deploys once, starts the branch's pipeline, shows its run."""

import time
from datetime import UTC, datetime
from typing import Final

from local_cloud import stacks
from local_cloud.announcing import Announced, announce
from local_cloud.assembly import HUB, PIPELINE, deploy, hub_version
from local_cloud.aws import AwsClients
from local_cloud.branch_hub import webhook
from local_cloud.branch_hub.deployed import find_hub
from local_cloud.following import show_run
from local_cloud.git_host import GitHost
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError, RunningCloud

# One environment and nobody to ask; on AWS the default is the whole way to production.
_DEFAULT_PROMOTION: Final = "environment"


def deliver(
    paths: CloudPaths,
    cloud: RunningCloud,
    git: GitHost,
    *,
    branch: str,
    commit: str,
    promotion: str = "",
) -> bool:
    """Carry `commit` of `branch` all the way; True if the pipeline ended green.

    `promotion` is how far the trunk goes: said, it is set; unsaid, a pipeline stays as it is.

    Raises CloudError when hub or pipeline could not be made.
    """
    begun = datetime.now(UTC)
    _deploy_what_is_missing(paths, cloud, git, branch=branch, commit=commit, promotion=promotion)
    pipeline = stacks.find_pipeline(paths, branch)
    if pipeline is None:
        raise CloudError(f"the deployed stack holds no pipeline of branch {branch}")
    started = stacks.run_of_commit(paths, pipeline.name, commit=commit, since=begun)
    # A new pipeline runs by itself; one that was there is told, as after every push.
    push = announce(
        git,
        cloud.endpoint_url,
        find_hub(AwsClients(cloud.endpoint_url)),
        webhook.pushed(branch, commit=commit),
        tell_pipelines=started is None,
    )
    assert push is not None, "a branch was pushed"
    if push.problem:
        print(f"branch hub: {push.problem}")
    runs = push.runs if started is None else (started,)
    shown = Announced(branch=branch, commit=commit, told_at=begun, runs=runs)
    return show_run(paths, cloud, pipeline.name, shown)


def _deploy_what_is_missing(
    paths: CloudPaths,
    cloud: RunningCloud,
    git: GitHost,
    *,
    branch: str,
    commit: str,
    promotion: str,
) -> None:
    """The branch hub when it is not there or another now; the pipeline when it is not there."""
    wanted = []
    version = hub_version(paths, commit)
    known = paths.hub_version.read_text() if paths.hub_version.exists() else ""
    if known != version:
        wanted.append(HUB)
    if promotion or stacks.find_pipeline(paths, branch) is None:
        wanted.append(PIPELINE)
    if not wanted:
        return
    started = time.monotonic()
    print(f"deploying {' and '.join(wanted)} (cdk deploy) ...", flush=True)
    deploy(
        paths, cloud, git, stacks=wanted, branch=branch, commit=commit,
        promotion=promotion or _DEFAULT_PROMOTION,
        log=paths.logs / f"{time.strftime('%Y%m%dT%H%M%S')}-first-deploy.log",
    )  # fmt: skip
    paths.hub_version.write_text(version)
    print(f"deployed after {time.monotonic() - started:.0f} s", flush=True)
