"""Build actions: the CodeBuild project that the action names, run by the local runner."""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from local_cloud.codebuild.environment import (
    base_environment,
    install_aws,
    install_npm,
    tools_folder,
)
from local_cloud.codebuild.process import BuildFailed, BuildStopped
from local_cloud.codebuild.project import ProjectError, load_project, parse_variables
from local_cloud.codebuild.runner import BuildRequest, run_build
from local_cloud.images.docker import install_docker
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.actions import ActionFailed, ActionRun, ActionStopped
from local_cloud.pipeline.context import RunContext


def build(run: ActionRun) -> Mapping[str, str]:
    """CodeBuild: ProjectName, PrimarySource, EnvironmentVariables (JSON)."""
    execution, action = run.run.execution, run.action
    pipeline = run.run.definition.name
    try:
        project = load_project(run.run.clients, run.config("ProjectName"))
        variables = run.run.variables.resolve_json(
            action.configuration.get("EnvironmentVariables") or "[]"
        )
        request = BuildRequest(
            project=project,
            environment=prepare_environment(run.run.context),
            # The same folder in every run: caches that hold absolute paths stay valid.
            work_dir=CloudPaths(run.run.context.state_dir).builds
            / pipeline
            / f"{action.stage}.{action.name}",
            log_file=run.log_file,
            initiator=f"codepipeline/{pipeline}",
            sources={name: execution.artifact(name) for name in action.inputs},
            primary=run.optional_config("PrimarySource") or next(iter(action.inputs), None),
            outputs={name: execution.artifact(name) for name in action.outputs},
            variables=parse_variables(variables),
            source_version=run.run.commit,
            build_number=_next_number(run.run.context.state_dir, project.name),
        )
        return run_build(request, clients=run.run.clients, stop=run.run.stop)
    except (BuildFailed, ProjectError) as error:
        raise ActionFailed(str(error)) from error
    except BuildStopped as error:
        raise ActionStopped from error


def prepare_environment(context: RunContext) -> dict[str, str]:
    """Install the local cloud's own tools; returns the variables of every build."""
    install_npm(tools_folder(context.state_dir), context.toolchain_root)
    install_aws(tools_folder(context.state_dir), context.state_dir / "git")
    docker = install_docker(context.state_dir)
    return base_environment(
        state_dir=context.state_dir,
        given={"CDK_DOCKER": str(docker), **context.build_environment},
        caller=os.environ,
        toolchain=context.toolchain_root,
    )


def _next_number(state_dir: Path, project: str) -> int:
    folder = CloudPaths(state_dir).build_numbers
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / project).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        number = int(file.read() or 0) + 1
        file.truncate(0)
        file.write(str(number))
    return number
