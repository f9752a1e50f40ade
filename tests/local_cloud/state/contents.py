"""What tests put into the stateful stack, and how they read it again."""

import contextlib
import itertools
import json
import os
import signal
import ssl
import time
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.aws import AwsClients
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import CloudPaths
from local_cloud.server import running_cloud, start_cloud, stop_cloud
from tests.local_cloud.emulator.stack import PORT


@dataclass(frozen=True, kw_only=True)
class Contents:
    paths: CloudPaths
    aws: AwsClients
    authority: LocalAuthority

    # -- the server -------------------------------------------------------------------------

    def restart(self) -> None:
        stop_cloud(self.paths)
        assert running_cloud(self.paths) is None
        start_cloud(self.paths)

    def kill(self) -> None:
        running = running_cloud(self.paths)
        assert running is not None
        server = psutil.Process(running.pid)
        os.kill(running.pid, signal.SIGKILL)
        server.wait()

    def start(self) -> None:
        start_cloud(self.paths)

    def until_saved(self) -> None:
        """Until a server that is killed has all that has happened so far, but for log lines.

        A saved stack is never newer than what else is saved. The second one is for what changed
        while the first one was being saved.
        """
        for _ in range(2):
            self._until_a_new_stack_is_saved(f"saved-{uuid.uuid4().hex}")

    def _until_a_new_stack_is_saved(self, name: str) -> None:
        resources = {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
        body = json.dumps({"Resources": resources})
        self.aws.cloudformation.create_stack(StackName=name, TemplateBody=body)
        stacks = self.paths.saved / "cloudformation.state"
        until(lambda: stacks.exists() and name.encode() in stacks.read_bytes(), "it is saved")

    def until_log_lines_are_saved(self) -> None:
        def saved() -> bytes:
            return b"".join(file.read_bytes() for file in self.paths.saved.glob("logs-*.journal"))

        until(lambda: all(line.encode() in saved() for line in self.log_lines()), "they are saved")

    # -- the database, through load balancer and task -------------------------------------------

    def post(self, text: str) -> None:
        assert self._ask(text.encode()) == "kept"

    def posted(self) -> set[str]:
        return set(self._ask().split())

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            self.posted()
            return True
        return False

    def outputs(self) -> dict[str, str]:
        (stack,) = self.aws.cloudformation.describe_stacks(StackName="app")["Stacks"]
        return {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}

    def _ask(self, body: bytes | None = None) -> str:
        # The certificate is for another address: only its chain is verified.
        context = ssl.create_default_context(cafile=str(self.authority.certificate_file))
        context.check_hostname = False
        url = f"https://{self.outputs()['Host']}:{PORT}/"
        with urllib.request.urlopen(url, body, context=context, timeout=120) as answer:
            return str(answer.read().decode())

    # -- messages ---------------------------------------------------------------------------

    def queue(self, name: str) -> str:
        return self.aws.sqs.get_queue_url(QueueName=name)["QueueUrl"]

    def send(self, queue: str, *bodies: str) -> None:
        for first in range(0, len(bodies), 10):
            answer = self.aws.sqs.send_message_batch(
                QueueUrl=self.queue(queue),
                Entries=[
                    {"Id": str(number), "MessageBody": body}
                    for number, body in enumerate(bodies[first : first + 10])
                ],
            )
            assert not answer.get("Failed")

    def send_until_it_fails(self, queue: str, *, mark: str, acknowledged: list[str]) -> None:
        """The bodies that SQS has acknowledged are added to `acknowledged`."""
        with contextlib.suppress(BotoCoreError, ClientError):
            for number in itertools.count():
                bodies = [f"{mark}-{number}-{place}" for place in range(5)]
                self.send(queue, *bodies)
                acknowledged += bodies

    def receive(self, queue: str, *, seconds: float = 0) -> list[Any]:
        """All visible messages; they become visible again after `seconds`."""
        found: dict[str, Any] = {}
        while True:
            messages = self.aws.sqs.receive_message(
                QueueUrl=self.queue(queue),
                MaxNumberOfMessages=10,
                VisibilityTimeout=600,
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if not messages:
                break
            found |= {message["MessageId"]: message for message in messages}
        for message in found.values():
            self.aws.sqs.change_message_visibility(
                QueueUrl=self.queue(queue),
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=int(seconds),
            )
        return list(found.values())

    def bodies(self, queue: str) -> set[str]:
        return {message["Body"] for message in self.receive(queue)}

    # -- objects, sessions, logs ------------------------------------------------------------

    def object(self, key: str) -> bytes:
        return self.aws.s3.get_object(Bucket="state-audit", Key=key)["Body"].read()

    def objects(self) -> set[str]:
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket="state-audit")
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    def sessions(self) -> set[str]:
        items = self.aws.dynamodb.scan(TableName="state-sessions")["Items"]
        return {item["id"]["S"] for item in items}

    def log_lines(self, group: str = "state") -> set[str]:
        events = self.aws.logs.filter_log_events(logGroupName=group)["events"]
        return {event["message"] for event in events}


def until(
    condition: Callable[[], bool],
    what: str,
    *,
    seconds: float = 300,
    details: Callable[[], str] = str,
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} {details()}"
        time.sleep(0.1)


def pretty(value: Any) -> str:
    return json.dumps(value, indent=1, default=str, sort_keys=True)
