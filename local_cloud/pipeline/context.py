"""The settings that a run gets from its local cloud."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_cloud.codebuild.project import Clients


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """Settings of the runs of one local cloud.

    `build_environment` is added to the variables of every build. `toolchain_root` is a checkout
    whose `.venv/bin` (python, node, npm) and `node_modules` replace the tools of a build image.
    `clients` is for tests: by default, clients call `endpoint_url`.
    """

    state_dir: Path
    endpoint_url: str
    build_environment: Mapping[str, str] = field(default_factory=dict)
    toolchain_root: Path | None = None
    clients: Clients | None = None
    parallel_actions_max: int = 2
    restarts_max: int = 3
    executions_kept: int = 10
    approval_timeout_seconds: float = 3600.0
