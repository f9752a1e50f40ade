"""The existing environments, read from the stacks of the running cloud."""

from pathlib import Path
from typing import Any

from local_cloud import stacks
from local_cloud.aws import AwsClients
from local_cloud.facts import Facts, facts_files, write_facts
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.executions import execution_states
from local_cloud.server import CloudError, RunningCloud

_SUFFIX_OUTPUT = "EnvironmentSuffix"


def deployed_environments(paths: CloudPaths, cloud: RunningCloud) -> list[Facts]:
    """The facts of every deployed environment, ordered by suffix.

    Updates `.local/environments/`: writes missing files, deletes files of other environments.
    """
    # Listed before the stacks, so that a file that another command writes meanwhile stays.
    old_files = set(facts_files(paths))
    pipelines = stacks.deployed_pipelines(paths)
    found = {
        outputs[_SUFFIX_OUTPUT]: _facts(paths, cloud, stack, outputs=outputs, pipelines=pipelines)
        for stack in stacks.live_stacks(AwsClients(cloud.endpoint_url))
        if _SUFFIX_OUTPUT in (outputs := stacks.outputs_of(stack))
        # An environment that is being deleted cannot be used.
        and not stack["StackStatus"].startswith("DELETE_")
    }
    written: set[Path] = set()
    for facts in found.values():
        written |= write_facts(paths, facts)
    for file in old_files - written:
        file.unlink(missing_ok=True)
    return [found[suffix] for suffix in sorted(found)]


def the_environment(paths: CloudPaths, cloud: RunningCloud, *, suffix: str = "") -> Facts:
    """The environment with `suffix`; without a suffix, the only one. Raises CloudError."""
    known = {facts["suffix"]: facts for facts in deployed_environments(paths, cloud)}
    if suffix in known:
        return known[suffix]
    if not known:
        asked = f"SUFFIX={suffix!r}: " if suffix else ""
        raise CloudError(
            f"{asked}there is no environment: `make up` or `git push local <branch>` deploys one"
        )
    if suffix:
        raise CloudError(
            f"SUFFIX={suffix!r}: there is no such environment; there is {' and '.join(known)}"
        )
    if len(known) > 1:
        raise CloudError(f"there are several environments: add SUFFIX={' or SUFFIX='.join(known)}")
    return next(iter(known.values()))


def _facts(
    paths: CloudPaths,
    cloud: RunningCloud,
    stack: Any,
    *,
    outputs: dict[str, str],
    pipelines: list[stacks.DeployedPipeline],
) -> Facts:
    name = str(stack["StackName"])
    pipeline = next((p for p in pipelines if name in p.application_stacks), None)
    return {
        "suffix": outputs[_SUFFIX_OUTPUT],
        "stack": name,
        "branch": pipeline.branch if pipeline else stacks.tags_of(stack).get("branch", ""),
        "commit": _deployed_commit(paths, pipeline, stack=name) if pipeline else "",
        "aws_endpoint_url": cloud.endpoint_url,
        **outputs,
    }


def _deployed_commit(paths: CloudPaths, pipeline: stacks.DeployedPipeline, *, stack: str) -> str:
    """The commit of the newest run that deployed `stack`."""
    wanted = set(pipeline.deploy_actions[stack])
    for run in execution_states(paths.state, pipeline.name):
        succeeded = {
            action["name"]
            for stage in run["stages"]
            for action in stage["actions"]
            if action["state"] == "Succeeded"
        }
        if wanted <= succeeded:
            return str(run["commit"])
    return ""
