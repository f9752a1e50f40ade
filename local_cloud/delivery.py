"""`make up`: deploys the hub and the branch's pipeline if needed, and shows the pipeline's run."""

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

# One environment, without an approval. On AWS the default is all stages.
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
    """Deliver `commit` of `branch`; True if the pipeline succeeded.

    `promotion` is the last stage of the trunk; empty leaves an existing pipeline as it is.
    Raises CloudError when the hub or the pipeline cannot be deployed.
    """
    begun = datetime.now(UTC)
    _deploy_what_is_missing(paths, cloud, git, branch=branch, commit=commit, promotion=promotion)
    pipeline = stacks.find_pipeline(paths, branch)
    if pipeline is None:
        raise CloudError(f"the deployed stack holds no pipeline of branch {branch}")
    started = stacks.run_of_commit(paths, pipeline.name, commit=commit, since=begun)
    # A new pipeline starts a run by itself; an existing one is notified, as after every push.
    push = announce(
        git,
        cloud.endpoint_url,
        find_hub(AwsClients(cloud.endpoint_url)),
        webhook.pushed(branch, commit=commit),
        notify_pipelines=started is None,
    )
    assert push is not None, "a branch was pushed"
    if push.problem:
        print(f"branch hub: {push.problem}")
    runs = push.runs if started is None else (started,)
    shown = Announced(branch=branch, commit=commit, sent_at=begun, runs=runs)
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
    """Deploy the hub if it is missing or its sources changed, and the pipeline if it is missing."""
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
