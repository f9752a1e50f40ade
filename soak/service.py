"""The service as its task starts it: the image's command and variables, one process, with TLS."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from app_service.settings import FIRST_CLIENT_ID, LIVE_PATH, ServiceSecrets, ServiceSettings
from local_cloud.addresses import free_port
from local_cloud.aws import environment
from local_cloud.images.dockerfile import read_dockerfile
from local_cloud.paths import ROOT
from soak.aws_resources import (
    AUDIT_QUEUE,
    CLIENT_TABLE,
    SESSION_TABLE,
    SUFFIX,
    queue_url,
)
from soak.database import ADDRESS, NAME, SERVICE_LOGIN

CLIENT_ID: Final = FIRST_CLIENT_ID
CLIENT_SECRET: Final = "of-the-client"  # of a service that lives for minutes
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_PAUSE_SECONDS = 0.05


class ServiceFailed(Exception):
    """The service did not start; the message has the end of its log."""


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """Where the code under test finds what it calls: the ports of the proxies."""

    aws_port: int
    service_database_port: int
    processor_database_port: int
    ca_file: Path

    def aws_environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"]} | environment(f"http://127.0.0.1:{self.aws_port}")


@contextmanager
def running_service(wiring: Wiring, folder: Path) -> Iterator[int]:
    """The port on which a healthy service listens. `folder` gets its log and temporary files."""
    port = free_port()
    image = read_dockerfile(
        (ROOT / "app_service" / "Dockerfile").read_text(), build_args={"PYTHON_TAG": "not-built"}
    )[-1]
    log_file = folder / "service.log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *image.cmd[1:]],
            cwd=ROOT,
            env={**image.env, **_environment(wiring, folder, port)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the soak, which then stops it
        )
    try:
        _wait_until_healthy(process, port, log_file)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log_file: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    # Its certificate is self-signed, as behind the load balancer, which does not verify it.
    with httpx.Client(verify=False, timeout=2) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if client.get(f"https://{ADDRESS}:{port}{LIVE_PATH}").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(_PAUSE_SECONDS)
    tail = "\n".join(log_file.read_text(errors="replace").splitlines()[-10:])
    raise ServiceFailed(f"the service did not start:\n{tail}")


def _environment(wiring: Wiring, folder: Path, port: int) -> dict[str, str]:
    settings = ServiceSettings(
        environment_suffix=SUFFIX,
        service_version=SUFFIX,
        database_writer_host=ADDRESS,
        database_reader_host=ADDRESS,
        database_port=wiring.service_database_port,
        database_name=NAME,
        database_ca_file=str(wiring.ca_file),
        sessions_table_name=SESSION_TABLE,
        api_clients_table_name=CLIENT_TABLE,
        audit_queue_url=queue_url(AUDIT_QUEUE.name, port=wiring.aws_port),
        bind_address=ADDRESS,
        port=port,
    )
    secrets = ServiceSecrets(
        database_user=SERVICE_LOGIN.username,
        database_password=SERVICE_LOGIN.password,
        api_client_id=CLIENT_ID,
        api_client_secret=CLIENT_SECRET,
    )
    return {
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        **wiring.aws_environment(),
        **settings.to_env(),
        **secrets.to_env(),
    }
