"""The steps of every drill: load, a failure, and a check of what was acknowledged."""

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import requests

from local_cloud.aws import AwsClients
from local_cloud.drills.findings import Findings
from local_cloud.environments import the_environment
from local_cloud.facts import api_client
from local_cloud.paths import CloudPaths, state_dir
from local_cloud.server import CloudError, running_cloud
from operations.drills.acknowledgements import Api, Stream
from operations.drills.audited import audit_problems
from operations.drills.reconciliation import reconcile
from operations.drills.recording import Recording, record_folders
from operations.drills.timeline import FaultLog

LOAD_SECONDS = 3.0
_RECOVERY_TIMEOUT_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.05
_SAME_START_SECONDS = 2.0  # as for the server of the local cloud

Facts = dict[str, Any]  # of a task or a database server, as the local cloud publishes them


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The environment of a drill."""

    paths: CloudPaths
    suffix: str
    recovery_timeout_seconds: float = _RECOVERY_TIMEOUT_SECONDS
    faults: FaultLog = field(default_factory=FaultLog)  # what the drill's plot marks

    def healthy_tasks(self) -> list[Facts]:
        return [t for t in self._published(self.paths.services) if t["state"] == "healthy"]

    def databases(self) -> list[Facts]:
        return self._published(self.paths.databases)

    def writer(self) -> Facts:
        """Raises CloudError while there is none."""
        for database in self.databases():
            if database["role"] == "writer":
                return database
        raise CloudError(f"environment {self.suffix} has no database writer: see `make status`")

    def load_balancer(self) -> psutil.Process | None:
        """None if none runs; then another process may have the published id."""
        try:
            published = json.loads(self.paths.load_balancer_process.read_text())
            process = psutil.Process(published["pid"])
            age_differs_by = abs(process.create_time() - published["started_epoch_seconds"])
            is_running = process.status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None
        return process if is_running and age_differs_by < _SAME_START_SECONDS else None

    def wait_until(self, condition: Callable[[], bool], what: str) -> float:
        """Returns when the condition became true. Raises CloudError at a timeout."""
        deadline = time.monotonic() + self.recovery_timeout_seconds
        while not condition():
            if time.monotonic() > deadline:
                raise CloudError(f"{what}: not within {self.recovery_timeout_seconds:.0f} s")
            time.sleep(_LOOK_AGAIN_SECONDS)
        return time.monotonic()

    def _published(self, folder: Path) -> list[Facts]:
        files = folder.glob(f"*{self.suffix}*.json")
        return [fact for file in files for fact in json.loads(file.read_text())]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The time of the failure, a sentence about the recovery, and what the scenario checked."""

    broke_at: float
    recovery: str
    findings: Findings = field(default_factory=Findings)


def rehearse(scenario: Callable[[Scene], Outcome], *, drill: str) -> int:
    """Run `scenario` under load in the environment SUFFIX (default: the only one).

    `drill` is its name: that of its record.

    Returns 1 if an acknowledged transaction is missing, or if the audit trail is not consistent.
    """
    try:
        paths = CloudPaths(state_dir())
        suffix = os.environ.get("SUFFIX", "")
        return rehearse_in(paths, drill=drill, suffix=suffix, scenario=scenario)
    except CloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def kill_with_children(pid: int) -> None:
    """`kill -9` of a process and its descendants, as when their machine fails."""
    process = psutil.Process(pid)
    for victim in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended with its parent
            victim.kill()


def rehearse_in(
    paths: CloudPaths,
    *,
    drill: str,
    suffix: str,
    scenario: Callable[[Scene], Outcome],
    requests_per_second: float | None = None,
    queue: bool = False,
    check: Callable[[Scene, Stream, list[str]], list[str]] | None = None,
    clock_error: timedelta = timedelta(0),
) -> int:
    """Run `scenario` under load in the environment `suffix` of a running cloud, then verify its
    audit trail since the start.

    `queue`: messages are sent as well. `check` returns problems; it gets the acknowledged ids.
    `clock_error`: by how much the database's clock may be wrong.
    Raises CloudError.
    """
    cloud = running_cloud(paths)
    if cloud is None:
        raise CloudError("the drill needs a live environment: run `make up` first")
    facts = the_environment(paths, cloud, suffix=suffix)
    client_id, client_secret = api_client(facts, cloud)
    scene = Scene(paths=paths, suffix=facts["suffix"])
    aws = AwsClients(cloud.endpoint_url)
    since = datetime.now(UTC)

    def send(message: str) -> None:
        aws.sqs.send_message(QueueUrl=facts["TransactionQueueUrl"], MessageBody=message)

    with tempfile.TemporaryDirectory() as folder:
        stream = Stream(
            api=Api(
                url=facts["ApiUrl"],
                certificate_file=facts.get("certificate_file"),
                client_id=client_id,
                client_secret=client_secret,
            ),
            log_file=Path(folder) / "acknowledged",
            requests_per_second=requests_per_second,
            queue=send if queue else None,
        )
        try:
            stream.start()
        except requests.RequestException as error:
            raise CloudError(
                f"environment {facts['suffix']}: the API at {facts['ApiUrl']} takes no load "
                f"({error}); `make status` shows its tasks"
            ) from error
        with Recording(
            drill=drill,
            environment=facts["suffix"],
            commit=facts["commit"][:12],
            stream=stream,
            faults=scene.faults,
            s3=aws.s3,
            bucket=facts["AuditBucketName"],
            since=since,
            folders=record_folders(paths.drills),
        ) as recording:
            time.sleep(LOAD_SECONDS)
            outcome = scenario(scene)
            time.sleep(LOAD_SECONDS)
            acknowledged = stream.stop()
            # Read again: a drill may have delivered another version.
            facts = the_environment(paths, cloud, suffix=scene.suffix)
            problems = audit_problems(
                acknowledged,
                s3=aws.s3,
                lambda_=aws.lambda_,
                bucket=facts["AuditBucketName"],
                verifier=facts["AuditVerifierName"],
                since=since - clock_error,
                clock_error=clock_error,
            )
            # Then nothing is on its way any more.
            problems += check(scene, stream, acknowledged) if check else []
            code = reconcile(stream, broke_at=outcome.broke_at, recovery=outcome.recovery)
            for promise in outcome.findings.held:
                print(f"checked: {promise}")
            problems = [*outcome.findings.broken, *problems]
            for problem in problems:
                print(f"FAILED: {problem}")
            recording.problems += problems or (["an acknowledged transaction is missing"] * code)
            return 1 if problems else code
