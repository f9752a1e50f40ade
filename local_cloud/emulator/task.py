"""One ECS task: a process with its own address and log, and its health."""

import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from local_cloud.emulator.task_definition import Container
from local_cloud.images.store import LocalImage

_LOG_TAIL_LINES = 15


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """The health check of a target group."""

    protocol: str
    path: str
    expected: str  # "200" or "200-299,301"
    interval_seconds: float
    timeout_seconds: float
    unhealthy_threshold: int

    def passes(self, address: str, port: int) -> bool:
        """One request; certificates of targets are not verified, as on AWS."""
        connection: http.client.HTTPConnection
        if self.protocol == "HTTPS":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = http.client.HTTPSConnection(
                address, port, timeout=self.timeout_seconds, context=context
            )
        else:
            connection = http.client.HTTPConnection(address, port, timeout=self.timeout_seconds)
        try:
            connection.request("GET", self.path, headers={"User-Agent": "ELB-HealthChecker/2.0"})
            return _matches(connection.getresponse().status, self.expected)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@dataclass(kw_only=True)
class Task:
    """A started task. The service sets `is_healthy` at the first passed check."""

    id: str
    definition_arn: str
    container: Container
    address: str
    zone: str
    log_file: Path
    process: subprocess.Popen[bytes]
    started_monotonic: float = field(default_factory=time.monotonic)
    is_healthy: bool = False
    failed_checks: int = 0
    next_check_monotonic: float = 0.0
    stop_deadline_monotonic: float | None = None

    @property
    def is_stopping(self) -> bool:
        return self.stop_deadline_monotonic is not None

    @property
    def exit_code(self) -> int | None:
        return self.process.poll()

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.started_monotonic

    def stop(self) -> None:
        """Send SIGTERM; `reap` kills it after the stop timeout."""
        if not self.is_stopping:
            self.stop_deadline_monotonic = time.monotonic() + self.container.stop_timeout_seconds
            self._signal(signal.SIGTERM)

    def reap(self) -> bool:
        """True if the process has ended; kills it after the stop timeout."""
        if self.exit_code is not None:
            return True
        if (
            self.stop_deadline_monotonic is not None
            and time.monotonic() > self.stop_deadline_monotonic
        ):
            self._signal(signal.SIGKILL)
        return False

    def log_tail(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_LOG_TAIL_LINES:]) or "    (no output)"

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def new_task_id() -> str:
    return uuid.uuid4().hex


def start_task(
    *,
    task_id: str,
    definition_arn: str,
    container: Container,
    image: LocalImage,
    address: str,
    zone: str,
    folder: Path,
    platform_environment: dict[str, str],
) -> Task:
    """Start the image's command with the environment of a container."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f"{task_id}.tmp"
    scratch.mkdir()
    log_file = folder / f"{task_id}.log"
    environment = {
        "LANG": "C.UTF-8",
        "HOME": str(scratch),
        **image.env,
        **container.environment,
        **platform_environment,
        # The interpreter is that of this project's virtual environment; TMPDIR is the task's own.
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": str(scratch),
        "PYTHONDONTWRITEBYTECODE": "1",
        # On AWS a task has its own network interface and binds 0.0.0.0; here it has one address.
        "BIND_ADDRESS": address,
    }
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            image.arguments(container.command),
            cwd=image.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (folder / f"{task_id}.json").write_text(
        json.dumps({"pid": process.pid, "address": address, "zone": zone})
    )
    return Task(
        id=task_id,
        definition_arn=definition_arn,
        container=container,
        address=address,
        zone=zone,
        log_file=log_file,
        process=process,
    )


def _matches(status: int, expected: str) -> bool:
    for part in expected.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False
