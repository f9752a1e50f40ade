"""The drill of SQS and S3 fails if they were never away, and the emulator refuses what is away."""

import asyncio
import dataclasses
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from local_cloud.aws import AwsClients
from local_cloud.drills.away import could_not_write, switch_off
from local_cloud.drills.dead_letters import DeadLetters
from local_cloud.drills.rehearsal import Outcome, Scene
from local_cloud.emulator.away import AwayServices
from local_cloud.outages import Outages
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    paths = CloudPaths(tmp_path)
    for folder in (paths.cloud, paths.services):
        folder.mkdir(parents=True)
    return Scene(paths=paths, suffix="main-0a1b2c", recovery_timeout_seconds=300)


def service(scene: Scene, name: str, *, obeys: bool = True) -> Callable[[], object]:
    def ask() -> None:
        if obeys and name in Outages(scene.paths.outages).away():
            raise EndpointConnectionError(endpoint_url=name)

    return ask


def drill(
    scene: Scene,
    *,
    asks: Mapping[str, Callable[[], object]] | None = None,
    writer_is_called: bool = True,
) -> Outcome:
    """The audit writer is called, if at all, when SQS is back, as its messages come from there."""
    outages = Outages(scene.paths.outages)
    return switch_off(
        scene,
        asks={"sqs": service(scene, "sqs"), "s3": service(scene, "s3"), **(asks or {})},
        could_not_write=lambda _: writer_is_called and outages.away() == {"s3"},
        both_seconds=0.01,
        s3_seconds_max=10 if writer_is_called else 0,
    )


def test_b7_services_that_are_away_and_come_back_pass(scene: Scene) -> None:
    assert drill(scene).findings.broken == []
    both, s3 = scene.faults.faults
    assert (both.until, s3.until) == ("SQS answers again", "S3 answers again")
    assert Outages(scene.paths.outages).away() == frozenset()


@pytest.mark.parametrize("name", ["sqs", "s3"])
def test_b7_a_service_that_was_never_away_fails_the_drill(scene: Scene, name: str) -> None:
    outcome = drill(scene, asks={name: service(scene, name, obeys=False)})

    assert [f"requests to {name} were refused" in line for line in outcome.findings.broken] == [
        True
    ]


def test_b7_an_audit_writer_that_was_never_called_fails_the_drill(scene: Scene) -> None:
    broken = drill(scene, writer_is_called=False).findings.broken

    assert ["the audit writer was called while S3 was away" in line for line in broken] == [True]


def test_b7_only_the_writers_lines_of_this_outage_count(shared_aws: AwsClients) -> None:
    function = f"audit-writer-{uuid.uuid4()}"
    group, stream = f"/aws/lambda/{function}", "calls"
    shared_aws.logs.create_log_group(logGroupName=group)
    shared_aws.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    began = datetime.now(UTC)

    def write(message: str, at: datetime) -> None:
        line = json.dumps({"level": "WARNING", "message": message})
        shared_aws.logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": int(at.timestamp() * 1000), "message": line}],
        )

    def is_seen() -> bool:
        return could_not_write(shared_aws.logs, function=function, since=began)

    write("batches not archived", began - timedelta(minutes=1))
    write("batch archived", began + timedelta(seconds=1))
    before = is_seen()
    write("batches not archived", began + timedelta(seconds=2))

    assert (before, is_seen()) == (False, True)


def test_b7_a_log_that_cannot_be_read_is_an_error(shared_aws: AwsClients) -> None:
    with pytest.raises(CloudError, match="the log of no-function cannot be read"):
        could_not_write(shared_aws.logs, function="no-function", since=datetime.now(UTC))


def test_b7_a_service_that_stays_away_fails_the_drill(scene: Scene) -> None:
    def gone() -> None:
        raise EndpointConnectionError(endpoint_url="sqs")

    with pytest.raises(CloudError, match="answer again: not within"):
        drill(dataclasses.replace(scene, recovery_timeout_seconds=0.3), asks={"sqs": gone})


def test_b7_a_message_that_became_a_dead_letter_fails_the_drill() -> None:
    letters = DeadLetters(queues(waiting=3), suffix="main-0a1b2c")
    before = letters.count()
    after = DeadLetters(queues(waiting=5), suffix="main-0a1b2c")

    assert letters.problems(since=before) == []
    assert after.problems(since=before) == [
        "2 messages became dead letters in audit-dead-letters-main-0a1b2c"
    ]


def queues(*, waiting: int) -> Any:
    class Sqs:
        def get_paginator(self, _: str) -> "Sqs":
            return self

        def paginate(self) -> list[dict[str, list[str]]]:
            names = ["audit-dead-letters-main-0a1b2c", "audit-queue-main-0a1b2c", "other"]
            return [{"QueueUrls": [f"http://sqs/1/{name}" for name in names]}]

        def get_queue_attributes(self, **_: object) -> dict[str, dict[str, str]]:
            return {"Attributes": {"ApproximateNumberOfMessages": str(waiting)}}

    return Sqs()


def ask(app: AwayServices, *, signed_for: str) -> int:
    """The status of a request to `app`."""
    sent: list[dict[str, Any]] = []
    scope = f"AWS4-HMAC-SHA256 Credential=test/20261126/us-east-1/{signed_for}/aws4_request, x=y"

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    request = {"type": "http", "headers": [(b"authorization", scope.encode())]}
    asyncio.run(app(request, receive, send))
    return int(sent[0]["status"])


def test_the_emulator_refuses_exactly_the_services_that_are_away(tmp_path: Path) -> None:
    outages = Outages(tmp_path / "outages")

    async def inner(_: object, __: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    app = AwayServices(inner=inner, outages=outages)
    with outages.of("s3"), outages.of("sqs"):
        during = [ask(app, signed_for=name) for name in ("s3", "sqs", "dynamodb")]
    after = [ask(app, signed_for=name) for name in ("s3", "sqs")]

    assert during == [503, 503, 200]
    assert after == [200, 200]
