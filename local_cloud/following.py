"""Shows what a push set in motion. Whoever stops following stops nothing else."""

import time

from botocore.exceptions import ClientError

from local_cloud import stacks
from local_cloud.announcing import Announced
from local_cloud.aws import AwsClients
from local_cloud.branch_hub.deployed import Hub
from local_cloud.branch_hub.machine_run import (
    MachineResult,
    NothingStarted,
    follow_machine,
    started_for,
)
from local_cloud.deletions import deletion_named, who_deleted
from local_cloud.environments import deployed_environments
from local_cloud.facts import print_facts
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.follow import RunVanished, follow_run
from local_cloud.pipeline.progress import Progress
from local_cloud.pipeline.results import RunResult
from local_cloud.removal import remains
from local_cloud.server import CloudError, RunningCloud

_RUN_TIMEOUT_SECONDS = 20.0


def follow_push(paths: CloudPaths, cloud: RunningCloud, hub: Hub | None, push: Announced) -> bool:
    """From the branch's pipeline being made, where it was not, to the end of its run.

    Raises CloudError when there is nothing to follow; it names who deleted the branch.
    """
    with deletion_named(paths, branch=push.branch, since=push.told_at):
        return _follow_push(paths, cloud, hub, push)


def _follow_push(paths: CloudPaths, cloud: RunningCloud, hub: Hub | None, push: Announced) -> bool:
    if hub is None or push.problem:
        print(f"branch hub: {push.problem}")
    else:
        made = _follow_machine(hub, hub.create_machine, push)
        # A refusal ends green, and leaves nothing to follow.
        if not made.succeeded or made.outcome == "refused":
            return False
        if made.outcome == "gone":
            _print_who_deleted(paths, push)
            return True
    pipeline = stacks.find_pipeline(paths, push.branch)
    if pipeline is None:
        raise CloudError(f"branch {push.branch} has no pipeline: nothing runs")
    return show_run(paths, cloud, pipeline.name, push)


def follow_deletion(
    paths: CloudPaths, cloud: RunningCloud, hub: Hub | None, push: Announced
) -> bool:
    """To the check of what remains; True if that is nothing."""
    if hub is None or push.problem:
        print(f"branch hub: {push.problem}")
        return False
    aws = AwsClients(cloud.endpoint_url)
    unmade = _follow_machine(hub, hub.destroy_machine, push)
    deployed_environments(paths, cloud)  # the facts of the deleted environment go
    if not unmade.succeeded or unmade.outcome not in {"delete", "nothing"}:
        return False
    if unmade.outcome == "nothing":
        print(f"branch {push.branch} had no environment: nothing remains")
        return True
    left = remains(aws, unmade.suffix)
    if left:
        print(f"branch {push.branch} is not gone, this remains:")
        for line in left:
            print(f"  {line}")
        return False
    print(f"branch {push.branch}: nothing remains")
    return True


def show_run(paths: CloudPaths, cloud: RunningCloud, pipeline: str, push: Announced) -> bool:
    """Show the pipeline's run of the pushed commit to its end, and what came of it."""
    execution = _run_of(paths, pipeline, push)
    try:
        result = follow_run(paths.state, pipeline, execution, Progress())
    except RunVanished as error:
        print(error)
        _print_who_deleted(paths, push)
        return False
    if result.status == "Stopped":
        _print_who_deleted(paths, push)
    _tell(paths, cloud, push, result)
    return result.succeeded


def _follow_machine(hub: Hub, machine: str, push: Announced) -> MachineResult:
    name = machine.rpartition(":")[2]
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:6.1f}s  {name}: {text}", flush=True)

    try:
        execution = started_for(hub.aws, machine, branch=push.branch, since=push.told_at)
        result = follow_machine(hub.aws, execution, say=say)
    except (NothingStarted, ClientError) as error:
        raise CloudError(str(error)) from error
    if not result.succeeded:
        say(f"{result.status}")
    return result


def _run_of(paths: CloudPaths, pipeline: str, push: Announced) -> str:
    """The run that this push started, or the one that a new pipeline started with its commit."""
    if push.runs:
        return push.runs[-1]
    found = stacks.run_of_commit(
        paths, pipeline, commit=push.commit, since=push.told_at, seconds=_RUN_TIMEOUT_SECONDS
    )
    if found is None:
        raise CloudError(f"no run of {pipeline} for {push.commit[:12]} was started")
    return found


def _print_who_deleted(paths: CloudPaths, push: Announced) -> None:
    if deleted := who_deleted(paths, branch=push.branch, since=push.told_at):
        print(deleted)


def _tell(paths: CloudPaths, cloud: RunningCloud, push: Announced, result: RunResult) -> None:
    """Print what a person needs; of a failed run, an environment kept for looking."""
    deployed = stacks.find_pipeline(paths, push.branch)
    if deployed is None or result.status not in {"Succeeded", "Failed"}:
        return
    for facts in deployed_environments(paths, cloud):
        if facts["stack"] not in deployed.application_stacks:
            continue
        suffix = facts["suffix"]
        file = paths.environments / f"{suffix}.json"
        if result.succeeded:
            print_facts(facts, file=file)
        else:
            print(f"\nkept for looking: environment {suffix}, {facts['ApiUrl']}, facts in {file}")
