"""Sessions of a drill at one database server: its clock, and a commit that waits in it."""

import contextlib
import json
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pg8000.dbapi
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.aws import AwsClients
from local_cloud.drills.rehearsal import Scene
from local_cloud.server import CloudError, running_cloud

_ANSWER_TIMEOUT_SECONDS = 10.0


def database_admin(scene: Scene) -> dict[str, Any]:
    """The secret of the database's superuser. Raises CloudError."""
    cloud = running_cloud(scene.paths)
    if cloud is None:
        raise CloudError("the local cloud has ended: run `make up`")
    name = f"transaction-db-admin-{scene.suffix}"
    try:
        secret = AwsClients(cloud.endpoint_url).secretsmanager.get_secret_value(SecretId=name)
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"the secret {name} cannot be read: {error}") from error
    return dict(json.loads(secret["SecretString"]))


def clock_error_seconds(address: str, admin: Mapping[str, Any]) -> float:
    """By how much the clock of the server at `address` is ahead of this machine's."""
    with closing(connect(address, admin)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        ((theirs,),) = cursor.fetchall()
        return float(theirs) - time.time()


def connect(address: str, admin: Mapping[str, Any]) -> pg8000.dbapi.Connection:
    host, port = address.rsplit(":", 1)
    connection = pg8000.dbapi.connect(
        user=admin["username"],
        password=admin["password"],
        host=host,
        port=int(port),
        database="postgres",
        ssl_context=True,
        application_name="drill",
    )
    connection.autocommit = True
    return connection


class LateCommit:
    """A session at `address` with an open transaction that writes to the log, and its commit."""

    def __init__(self, *, address: str, admin: Mapping[str, Any]) -> None:
        self._connection = connect(address, admin)
        self._pool = ThreadPoolExecutor(1)
        self._commit: Future[Any] | None = None
        cursor = self._connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_logical_emit_message(true, 'drill', 'late commit')")

    def send(self) -> None:
        self._commit = self._pool.submit(self._connection.cursor().execute, "COMMIT")

    def answer(self) -> str:
        """`acknowledged`, `no answer`, or the error."""
        if self._commit is None:
            return "never sent"
        try:
            self._commit.result(timeout=_ANSWER_TIMEOUT_SECONDS)
        except TimeoutError:
            return "no answer"
        except (pg8000.dbapi.Error, OSError) as error:
            return f"{type(error).__name__}: {error}"
        return "acknowledged"

    def __enter__(self) -> "LateCommit":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(pg8000.dbapi.Error, OSError):
            self._connection.close()
        self._pool.shutdown(wait=False)
