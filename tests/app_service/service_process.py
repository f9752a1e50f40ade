"""The service as the image runs it: a process with HTTPS, PostgreSQL over TLS, and a fake AWS."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from app_service.clients.credentials import Credential
from tests.app_service.fake_aws import FakeQueue, FakeSessionsTable, aws_endpoint
from tests.app_service.test_main import TlsDatabase, client_of, environment_of
from tests.patience import PATIENCE_SECONDS


@contextmanager
def running_service(
    database: TlsDatabase, *, credentials: Sequence[Credential] = ()
) -> Iterator[httpx.Client]:
    """A client of it. It knows BASIC of test_main, an operator, and these credentials."""
    table = FakeSessionsTable()
    table.credentials += [each.to_item() for each in credentials]
    with aws_endpoint(table, FakeQueue()) as endpoint:
        environment = environment_of(database) | {"AWS_ENDPOINT_URL": endpoint}
        process = subprocess.Popen([sys.executable, "-m", "app_service"], env=environment)
        try:
            with client_of(environment) as client:
                yield client
            process.terminate()
            process.wait(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
