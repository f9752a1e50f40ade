"""`make destroy`: asks, then deletes a branch with its environment and its pipeline."""

from local_cloud import stacks
from local_cloud.announcing import announce
from local_cloud.answers import Ask, is_agreed
from local_cloud.assembly import trunk
from local_cloud.aws import AwsClients
from local_cloud.branch_hub import webhook
from local_cloud.branch_hub.deployed import Hub, find_hub
from local_cloud.deletions import record_deletion
from local_cloud.environments import deployed_environments
from local_cloud.following import follow_deletion
from local_cloud.git_host import GitHost
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.executions import execution_states, has_ended
from local_cloud.removal import remove_branch
from local_cloud.server import CloudError, RunningCloud


def destroy_branch(
    paths: CloudPaths, cloud: RunningCloud, *, branch: str, answer: str, ask: Ask
) -> bool:
    """Delete the branch after a yes (`answer` or `ask`); False if something remains.

    Raises CloudError for an unknown branch.
    """
    git = GitHost(paths.repository, state=paths.state)
    hub = find_hub(AwsClients(cloud.endpoint_url))
    known = _branches(paths, git, hub)
    if branch not in known:
        names = ", ".join(known) or "none"
        raise CloudError(f"BRANCH={branch!r} does not exist; branches that can be deleted: {names}")
    if branch != trunk() and hub is None:
        raise CloudError(
            "no branch hub is deployed; it is needed to delete branches: `make up` deploys it"
        )
    print("\n".join(_summary(paths, cloud, branch)), flush=True)
    if not is_agreed(answer=answer, question=f"delete branch {branch}? [yes/no] ", ask=ask):
        print("nothing was changed")
        return True
    record_deletion(paths, branch=branch, command=f"make destroy BRANCH={branch}")
    if branch == trunk():
        # The hub ignores events that delete the trunk, so this command deletes the stacks itself.
        remove_branch(paths, cloud, branch=branch)
        if hub is not None:
            hub.forget(branch)
        return True
    git.drop(branch)
    push = announce(git, cloud.endpoint_url, hub, webhook.deleted(branch))
    assert push is not None, "a branch was deleted"
    return follow_deletion(paths, cloud, hub, push)


def _branches(paths: CloudPaths, git: GitHost, hub: Hub | None) -> list[str]:
    """Branches that can be deleted: with a pipeline, with a record at the hub, or pushed."""
    found = {pipeline.branch for pipeline in stacks.deployed_pipelines(paths)}
    found |= {r.get("branch", "") for r in (hub.environments() if hub is not None else [])}
    # The trunk always exists at the git host, also without an environment.
    found |= git.branches().keys() - {trunk()}
    return sorted(found - {""})


def _summary(paths: CloudPaths, cloud: RunningCloud, branch: str) -> list[str]:
    lines = [f"branch {branch}: this will be deleted, with all data in it:"]
    lines += [
        f"  environment {facts['suffix']} ({facts['ApiUrl']})"
        for facts in deployed_environments(paths, cloud)
        if facts["branch"] == branch
    ]
    pipeline = stacks.find_pipeline(paths, branch)
    if pipeline is not None:
        runs = execution_states(paths.state, pipeline.name)
        busy = any(not has_ended(run["status"]) for run in runs)
        lines.append(
            f"  pipeline {pipeline.name}"
            + (" (its run in progress will be stopped)" if busy else "")
        )
    if branch != trunk():
        lines.append(f"  branch {branch} of the local git host (not the branch of your checkout)")
    return lines
