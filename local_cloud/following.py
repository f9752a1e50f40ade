"""Shows what a push started. Ctrl-C ends only the display."""

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
from local_cloud.page import page_address
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.follow import RunVanished, follow_run
from local_cloud.pipeline.progress import Progress
from local_cloud.pipeline.results import RunResult
from local_cloud.removal import remains
from local_cloud.server import CloudError, RunningCloud

_RUN_TIMEOUT_SECONDS = 20.0


def follow_push(paths: CloudPaths, cloud: RunningCloud, hub: Hub | None, push: Announced) -> bool:
    """Show how the branch's pipeline is created, if it is new, and its run; True if green.

    Raises CloudError when there is nothing to follow; the error names who deleted the branch.
    """
    with deletion_named(paths, branch=push.branch, since=push.sent_at):
        return _follow_push(paths, cloud, hub, push)


def _follow_push(paths: CloudPaths, cloud: RunningCloud, hub: Hub | None, push: Announced) -> bool:
    if hub is None or push.problem:
        print(f"branch hub: {push.problem}")
    else:
        created = _follow_machine(hub, hub.create_machine, push)
        # The execution of a refused branch succeeds, and there is no run.
        if not created.succeeded or created.outcome == "refused":
            return False
        if created.outcome == "gone":
            _print_who_deleted(paths, push)
            return True
    pipeline = stacks.find_pipeline(paths, push.branch)
    if pipeline is None:
        raise CloudError(f"branch {push.branch} has no pipeline: nothing runs")
    return show_run(paths, cloud, pipeline.name, push)


def follow_deletion(
    paths: CloudPaths, cloud: RunningCloud, hub: Hub | None, push: Announced
) -> bool:
    """Show the deletion to its end, then check what remains; True if nothing does."""
    if hub is None or push.problem:
        print(f"branch hub: {push.problem}")
        return False
    aws = AwsClients(cloud.endpoint_url)
    deleted = _follow_machine(hub, hub.destroy_machine, push)
    deployed_environments(paths, cloud)  # deletes the facts of the environment
    if not deleted.succeeded or deleted.outcome not in {"delete", "nothing"}:
        return False
    if deleted.outcome == "nothing":
        print(f"branch {push.branch} had no environment: nothing remains")
        return True
    left = remains(aws, deleted.suffix)
    if left:
        print(f"branch {push.branch} is not deleted completely, this remains:")
        for line in left:
            print(f"  {line}")
        return False
    print(f"branch {push.branch}: nothing remains")
    return True


def show_run(paths: CloudPaths, cloud: RunningCloud, pipeline: str, push: Announced) -> bool:
    """Show the run of the pushed commit to its end, then the environment; True if green."""
    execution = _run_of(paths, pipeline, push)
    try:
        result = follow_run(paths.state, pipeline, execution, Progress())
    except RunVanished as error:
        print(error)
        _print_who_deleted(paths, push)
        return False
    if result.status == "Stopped":
        _print_who_deleted(paths, push)
    _print_outcome(paths, cloud, push, result)
    return result.succeeded


def _follow_machine(hub: Hub, machine: str, push: Announced) -> MachineResult:
    name = machine.rpartition(":")[2]
    started = time.monotonic()

    def report(text: str) -> None:
        print(f"{time.monotonic() - started:6.1f}s  {name}: {text}", flush=True)

    try:
        execution = started_for(hub.aws, machine, branch=push.branch, since=push.sent_at)
        result = follow_machine(hub.aws, execution, report=report)
    except (NothingStarted, ClientError) as error:
        raise CloudError(str(error)) from error
    if not result.succeeded:
        report(result.status)
    return result


def _run_of(paths: CloudPaths, pipeline: str, push: Announced) -> str:
    """The run that this push started, or that a new pipeline started with its commit."""
    if push.runs:
        return push.runs[-1]
    found = stacks.run_of_commit(
        paths, pipeline, commit=push.commit, since=push.sent_at, seconds=_RUN_TIMEOUT_SECONDS
    )
    if found is None:
        raise CloudError(f"no run of {pipeline} for {push.commit[:12]} was started")
    return found


def _print_who_deleted(paths: CloudPaths, push: Announced) -> None:
    if deleted := who_deleted(paths, branch=push.branch, since=push.sent_at):
        print(deleted)


def _print_outcome(
    paths: CloudPaths, cloud: RunningCloud, push: Announced, result: RunResult
) -> None:
    """Print the environment's facts; after a failed run, where it still runs."""
    if result.status in {"Succeeded", "Failed"}:
        show_environments(paths, cloud, branch=push.branch, is_green=result.succeeded)


def show_environments(
    paths: CloudPaths, cloud: RunningCloud, *, branch: str, is_green: bool = True
) -> None:
    """Print the facts of the branch's environments; after a failed run, where they still run."""
    deployed = stacks.find_pipeline(paths, branch)
    if deployed is None:
        return
    for facts in deployed_environments(paths, cloud):
        if facts["stack"] not in deployed.application_stacks:
            continue
        suffix = facts["suffix"]
        file = paths.environments / f"{suffix}.json"
        if is_green:
            print_facts(facts, file=file, page=page_address(paths))
        else:
            print(f"\nthe environment still runs: {suffix}, {facts['ApiUrl']}, facts in {file}")
