"""Delivers a commit: makes its branch's pipeline where there is none, then runs it as deployed."""

import time
from pathlib import Path

from local_cloud import stacks
from local_cloud.assembly import bootstrap, deploy_pipeline, tool_environment
from local_cloud.aws import AwsClients
from local_cloud.facts import print_facts, save_facts
from local_cloud.git_host import GitHost
from local_cloud.paths import NODE_MODULES, ROOT, CloudPaths
from local_cloud.pipeline.context import RunContext
from local_cloud.pipeline.engine import run_pipeline
from local_cloud.pipeline.progress import Progress
from local_cloud.server import RunningCloud


def deliver(
    paths: CloudPaths, cloud: RunningCloud, git: GitHost, *, branch: str, commit: str
) -> bool:
    """Carry `commit` of `branch` all the way; True if the pipeline ended green.

    Raises CloudError when the pipeline could not be made.
    """
    lend_toolchain(paths)
    log = paths.logs / f"{time.strftime('%Y%m%dT%H%M%S')}-first-deploy.log"
    pipeline = stacks.find_pipeline(paths, branch)
    if pipeline is None:
        started = time.monotonic()
        print(f"making the pipeline of {branch} (cdk bootstrap, cdk deploy) ...", flush=True)
        bootstrap(paths, cloud, log=log)
        deploy_pipeline(paths, cloud, git, branch=branch, commit=commit, log=log)
        pipeline = stacks.find_pipeline(paths, branch)
        assert pipeline is not None, "the deployed stack holds the pipeline of its branch"
        print(f"pipeline {pipeline.name} is there ({time.monotonic() - started:.0f} s)", flush=True)
    result = run_pipeline(
        name=pipeline.name,
        branch=branch,
        commit=commit,
        context=RunContext(
            state_dir=paths.state,
            endpoint_url=cloud.endpoint_url,
            toolchain_root=ROOT,
            build_environment=tool_environment(paths, cloud),
        ),
        progress=Progress(),
    )
    if not result.succeeded:
        return False
    deployed = stacks.find_pipeline(paths, branch)
    aws = AwsClients(cloud.endpoint_url)
    for stack in deployed.application_stacks if deployed is not None else ():
        found = stacks.outputs(aws, stack)
        if "EnvironmentSuffix" in found:
            facts = save_facts(paths, cloud, branch=branch, commit=commit, outputs=found)
            print_facts(facts, file=paths.environments / f"{facts['suffix']}.json")
    return True


def lend_toolchain(paths: CloudPaths) -> None:
    """Let builds of commits with the same lock files use this checkout's tools."""
    for stamp in (ROOT / ".venv").glob("ready-*"):
        home: Path = paths.toolchains / stamp.name.removeprefix("ready-")
        if (home / ".venv" / stamp.name).exists() and (home / "node_modules").exists():
            continue
        home.mkdir(parents=True, exist_ok=True)
        for link, target in ((".venv", ROOT / ".venv"), ("node_modules", NODE_MODULES)):
            (home / link).unlink(missing_ok=True)
            (home / link).symlink_to(target.resolve())
