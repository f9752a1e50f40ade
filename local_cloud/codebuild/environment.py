"""The environment variables of a build: a few of the caller's, and those of CodeBuild."""

import os
import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_cloud.codebuild import aws_cli, npm
from local_cloud.codebuild.buildspec import Buildspec
from local_cloud.codebuild.project import Clients, Project, Variable, resolve_variable
from local_cloud.programs import write_program

# A container does not have these, but without them a build cannot reach package registries.
_FROM_CALLER = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ"
    r"|(?i:https?_proxy|no_proxy|all_proxy|npm_config_\w+)"
    r"|PIP_\w+|UV_\w+|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
)


def base_environment(
    *,
    state_dir: Path,
    given: Mapping[str, str],
    caller: Mapping[str, str],
    toolchain: Path | None = None,
) -> dict[str, str]:
    """The variables of every build; `given` (settings of the local cloud) overrides the caller's.

    `npm install -g` installs into a folder of the local cloud. PATH starts with our own `npm`,
    then the programs of that folder. Node and Python come from the checkout `toolchain`, because
    the machine may not have those of a build image.
    """
    kept = {name: value for name, value in caller.items() if _FROM_CALLER.fullmatch(name)}
    prefix = state_dir / "cache" / "npm-global"
    npm_settings = {
        "NPM_CONFIG_PREFIX": str(prefix),
        "NPM_CONFIG_CACHE": str(state_dir / "cache" / "npm"),
        "NPM_CONFIG_PREFER_OFFLINE": "true",
        "NPM_CONFIG_AUDIT": "false",
        "NPM_CONFIG_FUND": "false",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    }
    # npm also reads lower-case names; without this, one of the two would win.
    kept = {name: value for name, value in kept.items() if name.upper() not in npm_settings}
    merged = {**kept, "PYTHONUNBUFFERED": "1", **npm_settings, **given}
    folders = [str(tools_folder(state_dir)), f"{merged['NPM_CONFIG_PREFIX']}/bin"]
    if toolchain is not None:
        folders.append(str(toolchain / ".venv" / "bin"))
    merged["PATH"] = os.pathsep.join([*folders, merged.get("PATH") or os.defpath])
    return merged


def tools_folder(state_dir: Path) -> Path:
    """The folder of programs that come first on a build's PATH."""
    return state_dir / "tools" / "bin"


def install_npm(folder: Path, toolchain: Path | None) -> None:
    """Write the `npm` command into `folder`; `toolchain`: a checkout that has node_modules."""
    words = [sys.executable, "-I", "-S", npm.__file__, str(folder), str(toolchain or "")]
    write_program(folder / "npm", f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')


def install_aws(folder: Path, git_root: Path) -> None:
    """Write the `aws` command into `folder`; `git_root` holds the repositories of the git host."""
    words = [sys.executable, "-I", "-S", aws_cli.__file__, str(folder), str(git_root)]
    write_program(folder / "aws", f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')


def defined_variables(
    buildspec: Buildspec, project: Project, started_with: Sequence[Variable], clients: Clients
) -> dict[str, str]:
    """Variables of the buildspec; the project's override them, those of the start override both.

    Raises ProjectError when a reference cannot be read.
    """
    defined = [
        *_variables(buildspec.variables, "PLAINTEXT"),
        *_variables(buildspec.parameter_store, "PARAMETER_STORE"),
        *_variables(buildspec.secrets_manager, "SECRETS_MANAGER"),
        *project.variables,
        *started_with,
    ]
    last = {variable.name: variable for variable in defined}
    return {name: resolve_variable(clients, variable) for name, variable in last.items()}


@dataclass(frozen=True, kw_only=True)
class BuildIdentity:
    """Facts of a build that its commands can read."""

    project: Project
    build_id: str
    build_number: int
    initiator: str
    source_version: str
    source: Path
    secondary: Mapping[str, Path]

    def variables(self) -> dict[str, str]:
        """The CODEBUILD_* variables."""
        folders = {f"CODEBUILD_SRC_DIR_{name}": str(f) for name, f in self.secondary.items()}
        arn_root = self.project.arn.rpartition(":project/")[0]
        return folders | {
            "CODEBUILD_BUILD_ARN": f"{arn_root}:build/{self.build_id}",
            "CODEBUILD_BUILD_ID": self.build_id,
            "CODEBUILD_BUILD_IMAGE": self.project.image,
            "CODEBUILD_BUILD_NUMBER": str(self.build_number),
            "CODEBUILD_INITIATOR": self.initiator,
            "CODEBUILD_LOG_PATH": self.build_id.partition(":")[2],
            "CODEBUILD_RESOLVED_SOURCE_VERSION": self.source_version,
            "CODEBUILD_SOURCE_VERSION": self.source_version,
            "CODEBUILD_SRC_DIR": str(self.source),
            "CODEBUILD_START_TIME": str(int(time.time() * 1000)),
        }


def _variables(values: Mapping[str, str], kind: str) -> list[Variable]:
    return [Variable(name=name, value=value, kind=kind) for name, value in values.items()]
