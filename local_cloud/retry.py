"""`make retry`: runs a branch's newest commit again, because pushing it again starts no run."""

import shlex
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from local_cloud import stacks
from local_cloud.announcing import Announced, announce
from local_cloud.aws import AwsClients
from local_cloud.branch_hub import webhook
from local_cloud.branch_hub.deployed import find_hub
from local_cloud.following import follow_push, show_run
from local_cloud.git_host import REMOTE, GitHost
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError, RunningCloud


def retry_command(branch: str) -> str:
    """The command line that runs `branch` again."""
    return f"make retry BRANCH={shlex.quote(branch)}"


def run_again(paths: CloudPaths, cloud: RunningCloud, *, branch: str) -> bool:
    """Start a new run of the branch's newest commit at the git host; True if it succeeded.

    A branch without a pipeline is announced to the branch hub again, as after a push.
    Raises CloudError for a branch that the git host does not have, or whose pipeline is deleted
    at the same time.
    """
    git = GitHost(paths.repository, state=paths.state)
    commit = git.branches().get(branch)
    if commit is None:
        raise CloudError(_not_pushed(paths, branch))
    pipeline = stacks.find_pipeline(paths, branch)
    aws = AwsClients(cloud.endpoint_url)
    print(f"running {branch} again at commit {commit[:12]}", flush=True)
    if pipeline is None:
        hub = find_hub(aws)
        push = announce(git, cloud.endpoint_url, hub, webhook.pushed(branch, commit=commit))
        assert push is not None, "a branch was announced"
        return follow_push(paths, cloud, hub, push)
    sent_at = datetime.now(UTC)
    try:
        started = aws.codepipeline.start_pipeline_execution(name=pipeline.name)
    except ClientError as error:
        raise CloudError(
            f"no run of branch {branch} was started: {error}; "
            "`make status` shows which branches have a pipeline"
        ) from error
    run = str(started["pipelineExecutionId"])
    announced = Announced(branch=branch, commit=commit, sent_at=sent_at, runs=(run,))
    return show_run(paths, cloud, pipeline.name, announced)


def _not_pushed(paths: CloudPaths, branch: str) -> str:
    names = sorted(pipeline.branch for pipeline in stacks.deployed_pipelines(paths))
    known = ", ".join(names) or "none"
    return (
        f"BRANCH={branch!r} is not a branch of the git host: `git push {REMOTE} "
        f"{shlex.quote(branch)}` delivers it. Branches that have a pipeline: {known}"
    )
