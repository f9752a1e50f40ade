"""The service as its task starts it: the image's command and variables, one process, TLS, relay.

Beside it runs a stub of SQS and DynamoDB in another process, which it reaches over TLS, too.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app_service.settings import ServiceSecrets, ServiceSettings
from bench.ledger.processor_time import tree_seconds
from bench.ledger.server import ADDRESS, SERVICE_LOGIN, Ledger
from bench.ledger.submitted_row import CLIENT_ID
from local_cloud.addresses import free_port
from local_cloud.certificates import LocalAuthority
from local_cloud.images.dockerfile import Stage, read_dockerfile
from local_cloud.paths import ROOT

_SECRET = "of-the-client"  # of a service that lives for minutes
_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
_PAUSE_SECONDS = 0.01
_PLAIN = ("python", "-m", "bench.ledger.plain_service")


class ServiceFailed(Exception):
    """The service did not start or ended; the message has the end of its log."""


@dataclass(frozen=True, kw_only=True)
class AwsStub:
    pid: int
    url: str
    ca_file: Path

    def counts(self) -> dict[str, int]:
        """What the queue got: requests, messages, bytes."""
        answer = httpx.get(f"{self.url}/counts", verify=False)  # loopback
        found: dict[str, int] = answer.json()
        return found


@dataclass(frozen=True, kw_only=True)
class Service:
    process: subprocess.Popen[bytes]
    url: str
    log_file: Path
    aws: AwsStub

    @property
    def pid(self) -> int:
        return self.process.pid

    def processor_seconds(self) -> float:
        """Since its start."""
        return tree_seconds(self.pid)

    def client(self) -> httpx.Client:
        # Certificates are self-signed, as behind the load balancer, which does not verify them.
        return httpx.Client(base_url=self.url, verify=False, timeout=10)

    def wait_until_healthy(self) -> None:
        """As the load balancer asks it. Raises ServiceFailed."""
        deadline = time.monotonic() + _START_SECONDS
        with self.client() as client:
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    break
                try:
                    if client.get("/health/live").status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                time.sleep(_PAUSE_SECONDS)
        raise ServiceFailed(f"the service did not start:\n{self.log_tail()}")

    def token(self) -> str:
        """Of a new session."""
        with self.client() as client:
            answer = client.post("/sessions", json={"user_id": "bench"}, auth=(CLIENT_ID, _SECRET))
            return str(answer.raise_for_status().json()["token"])

    def log_tail(self) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-10:])

    def stop(self) -> None:
        """As ECS does it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def aws_stub() -> Iterator[AwsStub]:
    with tempfile.TemporaryDirectory(prefix="bench-aws-") as folder:
        authority = LocalAuthority(Path(folder))
        certificate = authority.issue(name="aws", addresses=[ADDRESS])
        files = (str(certificate.certificate_file), str(certificate.key_file))
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.ledger.aws_stub", *files],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            url = f"https://{ADDRESS}:{int(process.stdout.readline())}"
            yield AwsStub(pid=process.pid, url=url, ca_file=authority.certificate_file)
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def start_service(ledger: Ledger, aws: AwsStub, folder: Path, *, tls: bool = True) -> Service:
    """Start the process and return at once; `folder` gets its log and its temporary files."""
    image = _image()
    port = free_port()
    command = list(image.cmd if tls else _PLAIN)
    assert command[0] == "python", f"the image starts {command[0]}: which program is that here?"
    log_file = folder / "service.log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command[1:]],
            cwd=ROOT,
            env=_environment(ledger, aws, folder, image, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a container of its own, for the scheduler too
        )
    scheme = "https" if tls else "http"
    return Service(process=process, url=f"{scheme}://{ADDRESS}:{port}", log_file=log_file, aws=aws)


@contextmanager
def running_service(ledger: Ledger, *, tls: bool = True) -> Iterator[Service]:
    """Healthy, with a stub of its own. After an error its last log lines are printed."""
    with ExitStack() as stack:
        aws = stack.enter_context(aws_stub())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-service-"))
        service = start_service(ledger, aws, Path(folder), tls=tls)
        stack.callback(service.stop)
        service.wait_until_healthy()
        try:
            yield service
        except Exception:
            print(f"the service's last log lines:\n{service.log_tail()}", file=sys.stderr)
            raise


def _image() -> Stage:
    """The last stage of the Dockerfile: command and variables."""
    text = (ROOT / "app_service" / "Dockerfile").read_text()
    return read_dockerfile(text, build_args={"PYTHON_TAG": "not-built-here"})[-1]


def _environment(
    ledger: Ledger, aws: AwsStub, folder: Path, image: Stage, port: int
) -> dict[str, str]:
    postgres = ledger.server.postgres
    settings = ServiceSettings(
        environment_suffix="bench",
        service_version="bench",
        database_writer_host=postgres.address,
        database_reader_host=postgres.address,
        database_port=postgres.port,
        database_name=ledger.name,
        database_ca_file=str(ledger.server.ca_file),
        sessions_table_name="session-table-bench",
        api_clients_table_name="client-table-bench",
        audit_queue_url=f"{aws.url}/000000000000/audit-queue-bench",
        bind_address=ADDRESS,
        port=port,
    )
    secrets = ServiceSecrets(
        database_user=SERVICE_LOGIN.username,
        database_password=SERVICE_LOGIN.password,
        api_client_id=CLIENT_ID,
        api_client_secret=_SECRET,
    )
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        **image.env,
        **settings.to_env(),
        **secrets.to_env(),
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_CA_BUNDLE": str(aws.ca_file),
    }
