"""`make up`: deploys the hub and the branch's pipeline if needed, and shows the pipeline's run."""

import shlex
import time
from datetime import UTC, datetime
from typing import Final

from local_cloud import stacks
from local_cloud.announcing import Announced, announce
from local_cloud.assembly import HUB, PIPELINE, deploy, hub_version
from local_cloud.aws import AwsClients
from local_cloud.branch_hub import webhook
from local_cloud.branch_hub.deployed import find_hub
from local_cloud.following import show_environments, show_run
from local_cloud.git_host import GitHost
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.executions import execution_states
from local_cloud.retry import retry_command
from local_cloud.server import CloudError, RunningCloud

# One environment, without an approval. On AWS the default is all stages.
_DEFAULT_PROMOTION: Final = "environment"
# Of a stack that is as its template says: an operation that was interrupted or undone is not.
_COMPLETE: Final = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


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

    `promotion` is the last stage of the trunk; empty leaves an existing pipeline as it is. Nothing
    runs when the commit is delivered already. Raises CloudError when the hub or the pipeline cannot
    be deployed.
    """
    if not promotion and _is_delivered(paths, cloud, branch=branch, commit=commit):
        print(
            f"commit {commit[:12]} of {branch} is delivered already and its run was green: nothing "
            f"runs (`{retry_command(branch)}` runs it again)"
        )
        show_environments(paths, cloud, branch=branch)
        if _sleeps(cloud, branch=branch):
            print(f"the environment is asleep: `make wake BRANCH={shlex.quote(branch)}` wakes it")
        return True
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


def _is_delivered(paths: CloudPaths, cloud: RunningCloud, *, branch: str, commit: str) -> bool:
    """True if the newest run of the pipeline delivered `commit`, and its stacks are complete."""
    pipeline = stacks.find_pipeline(paths, branch)
    if pipeline is None or _known_hub(paths) != hub_version(paths, commit):
        return False
    newest = next(iter(execution_states(paths.state, pipeline.name)), None)
    if newest is None or (newest["commit"], newest["status"]) != (commit, "Succeeded"):
        return False
    live = stacks.live_stacks(AwsClients(cloud.endpoint_url))
    complete = {stack["StackName"] for stack in live if stack["StackStatus"] in _COMPLETE}
    return complete.issuperset(pipeline.application_stacks)


def _sleeps(cloud: RunningCloud, *, branch: str) -> bool:
    hub = find_hub(AwsClients(cloud.endpoint_url))
    known = hub.environments() if hub is not None else []
    return any(record.get("branch") == branch and record.get("sleeping") for record in known)


def _known_hub(paths: CloudPaths) -> str:
    return paths.hub_version.read_text() if paths.hub_version.exists() else ""


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
    if _known_hub(paths) != version:
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
