"""Delivers a commit: makes its branch's pipeline where there is none, then runs it as deployed."""

import time
from pathlib import Path
from typing import Final

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

    Raises CloudError when the pipeline could not be made.
    """
    lend_toolchain(paths)
    log = paths.logs / f"{time.strftime('%Y%m%dT%H%M%S')}-first-deploy.log"
    pipeline = stacks.find_pipeline(paths, branch)
    if pipeline is None or promotion:
        started = time.monotonic()
        print(f"making the pipeline of {branch} (cdk bootstrap, cdk deploy) ...", flush=True)
        bootstrap(paths, cloud, log=log)
        deploy_pipeline(
            paths, cloud, git, branch=branch, commit=commit,
            promotion=promotion or _DEFAULT_PROMOTION, log=log,
        )  # fmt: skip
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
    _tell(paths, cloud, branch=branch, commit=commit, succeeded=result.succeeded)
    return result.succeeded


def _tell(
    paths: CloudPaths, cloud: RunningCloud, *, branch: str, commit: str, succeeded: bool
) -> None:
    """Keep and print what a person needs; of a failed run, an environment kept for looking."""
    deployed = stacks.find_pipeline(paths, branch)
    aws = AwsClients(cloud.endpoint_url)
    for stack in deployed.application_stacks if deployed is not None else ():
        found = stacks.outputs(aws, stack)
        suffix = found.get("EnvironmentSuffix")
        if suffix is None:
            continue
        file = paths.environments / f"{suffix}.json"
        if succeeded:
            print_facts(
                save_facts(paths, cloud, branch=branch, commit=commit, outputs=found), file=file
            )
        else:
            if not file.exists():  # else it describes the version that still runs
                save_facts(paths, cloud, branch=branch, commit=commit, outputs=found)
            print(f"\nkept for looking: environment {suffix}, {found['ApiUrl']}, facts in {file}")


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
