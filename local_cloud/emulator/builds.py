"""Builds of StartBuild: the project's buildspec on the project's own source."""

import logging
import shutil
import threading

from local_cloud.aws import AwsClients
from local_cloud.codebuild.checkout import check_out
from local_cloud.codebuild.process import BuildFailed, BuildStopped
from local_cloud.codebuild.project import ProjectError, parse_project, parse_variables
from local_cloud.codebuild.runner import BuildRequest, run_build
from local_cloud.emulator.ministack_adapter.builds import EndedBuild, StartedBuild
from local_cloud.pipeline.build import prepare_environment
from local_cloud.pipeline.context import RunContext

logger = logging.getLogger(__name__)


class BuildService:
    """Runs builds outside of pipelines, each in the thread that calls `execute`."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._clients = AwsClients(context.endpoint_url).client

    def execute(self, build: StartedBuild, stop: threading.Event) -> EndedBuild:
        """Run the build to its end. Does not raise: the result says how it ended."""
        state = self._context.state_dir
        name, _, run = build.id.partition(":")
        folder = state / "builds" / name / run
        log = state / "logs" / "builds" / name / f"{run}.log"
        commit = ""
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.touch()
            folder.mkdir(parents=True)
            source = folder / "source"
            commit = (
                check_out(
                    build.project["source"],
                    version=build.source_version,
                    git_root=state / "git",
                    target=source,
                )
                or ""
            )
            exported = run_build(
                BuildRequest(
                    project=parse_project(build.project),
                    environment=prepare_environment(self._context),
                    work_dir=folder / "work",
                    log_file=log,
                    initiator=build.initiator,
                    sources={"source": source} if commit else {},
                    primary="source" if commit else None,
                    variables=parse_variables(build.variables),
                    source_version=commit,
                    build_number=build.number,
                ),
                clients=self._clients,
                stop=stop,
            )
        except BuildStopped:
            return EndedBuild(status="STOPPED", commit=commit, log=str(log))
        except (BuildFailed, ProjectError) as error:
            reason = f"{error} (log: {log})"
            return EndedBuild(status="FAILED", reason=reason, commit=commit, log=str(log))
        except Exception as error:  # the build's boundary: an error of the local cloud itself
            logger.exception("build %s", build.id)
            return EndedBuild(status="FAULT", reason=str(error), commit=commit, log=str(log))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return EndedBuild(status="SUCCEEDED", commit=commit, log=str(log), exported=exported)
