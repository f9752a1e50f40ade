"""Runs one build: copies the sources, runs the phases, collects the artifacts."""

import shutil
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local_cloud.codebuild.artifacts import ArtifactError, collect, rule_for
from local_cloud.codebuild.buildspec import Buildspec, BuildspecError
from local_cloud.codebuild.environment import BuildIdentity, defined_variables
from local_cloud.codebuild.process import BuildFailed, run_phases
from local_cloud.codebuild.project import (
    Clients,
    Project,
    ProjectError,
    Variable,
    read_buildspec,
)


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """One build of `project`.

    `sources` and `outputs` map artifact names to folders: sources are read, outputs are created.
    `primary` is the source in which the build starts (None: an empty folder). `work_dir` is emptied
    before the build and deleted after it. `environment` comes from `base_environment`.
    """

    project: Project
    environment: Mapping[str, str]
    work_dir: Path
    log_file: Path
    initiator: str
    sources: Mapping[str, Path] = field(default_factory=dict)
    primary: str | None = None
    outputs: Mapping[str, Path] = field(default_factory=dict)
    variables: Sequence[Variable] = ()
    source_version: str = ""
    build_number: int = 1


def run_build(request: BuildRequest, *, clients: Clients, stop: threading.Event) -> dict[str, str]:
    """Run the build; returns the exported variables. Setting `stop` ends it.

    Raises BuildFailed or BuildStopped. When it returns or raises, no process of the build is left,
    and the log file holds the whole output.
    """
    shutil.rmtree(request.work_dir, ignore_errors=True)
    request.log_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _run(request, clients, stop)
    except (ArtifactError, BuildspecError, ProjectError) as error:
        _log(request, f"Build failed: {error}")
        raise BuildFailed(str(error)) from error
    finally:
        shutil.rmtree(request.work_dir, ignore_errors=True)


def _run(request: BuildRequest, clients: Clients, stop: threading.Event) -> dict[str, str]:
    folders = _check_out(request)
    source = folders[request.primary]
    buildspec = read_buildspec(request.project, source)
    count = len(request.outputs)
    rules = {name: rule_for(name, outputs=count, buildspec=buildspec) for name in request.outputs}
    _log_notes(request, buildspec)
    identity = BuildIdentity(
        project=request.project,
        build_id=f"{request.project.name}:{uuid.uuid4()}",
        build_number=request.build_number,
        initiator=request.initiator,
        source_version=request.source_version,
        source=source,
        secondary={name: f for name, f in folders.items() if name and name != request.primary},
    )
    temporary = request.work_dir / "tmp"
    temporary.mkdir()
    final = run_phases(
        buildspec,
        environment={
            **request.environment,
            # Deleted when the build ends, as with a container.
            "TMPDIR": str(temporary),
            **defined_variables(buildspec, request.project, request.variables, clients),
            **identity.variables(),
        },
        source=source,
        state=request.work_dir / "state",
        log_file=request.log_file,
        timeout_minutes=request.project.timeout_minutes,
        stop=stop,
    )
    for name, rule in rules.items():
        files = collect(rule, source=source, variables=final, to=request.outputs[name])
        _log(request, f"Artifact {name}: {files} files")
    return {name: final[name] for name in buildspec.exported_variables if name in final}


def _check_out(request: BuildRequest) -> dict[str | None, Path]:
    """Copy every source, because a build may change it; the primary copy is `src`."""
    folders: dict[str | None, Path] = {}
    for number, (name, folder) in enumerate(request.sources.items()):
        own = request.work_dir / ("src" if name == request.primary else f"src{number:02}")
        shutil.copytree(folder, own, symlinks=True)
        folders[name] = own
    if request.primary is None:
        folders[None] = request.work_dir / "src"
        folders[None].mkdir(parents=True)
    return folders


def _log_notes(request: BuildRequest, buildspec: Buildspec) -> None:
    for name, version in buildspec.runtime_versions.items():
        _log(
            request,
            f"runtime-versions {name}: {version} is ignored; this machine's version is used",
        )
    for section in buildspec.recorded_only:
        _log(request, f"section {section} is ignored")


def _log(request: BuildRequest, text: str) -> None:
    with request.log_file.open("a") as log:
        log.write(f"[Container] {time.strftime('%H:%M:%S')} {text}\n")
