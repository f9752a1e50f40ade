"""What a run needs to know about the local cloud it runs in."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local_cloud.codebuild.project import Clients


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """One local cloud, as a pipeline run sees it.

    `build_environment` is added to what every build starts with. `toolchain_root` is a checkout
    whose `.venv/bin` (python, node, npm) and `node_modules` stand for the build image's tools.
    `clients` is for tests: by default clients call `endpoint_url`.
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


def emulator_clients(endpoint_url: str, environment: Mapping[str, str]) -> Clients:
    """Clients by service name, made once each; safe to share between threads."""
    session = boto3.Session(
        aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID", "test"),
        aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY", "test"),
        region_name=environment.get("AWS_REGION", "us-east-1"),
    )
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"max_attempts": 2},
        s3={"addressing_style": "path"},
    )
    made: dict[str, Any] = {}
    lock = threading.Lock()

    def client(service: str) -> Any:
        with lock:  # a session may not make two clients at once
            if service not in made:
                make: Any = session.client
                made[service] = make(service, endpoint_url=endpoint_url, config=config)
            return made[service]

    return client
