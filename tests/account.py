"""An account of the AWS emulator for tests of the branch hub."""

import json
import time
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from tests.patience import PATIENCE_SECONDS

# Tests of entrypoints replace both.
_make_client, _make_resource = boto3.client, boto3.resource
# An execution of this machine runs until it is stopped.
_WAITING = {
    "StartAt": "Wait",
    "States": {"Wait": {"Type": "Wait", "Seconds": 10_000_000, "End": True}},
}
_TOPIC = {"Type": "AWS::SNS::Topic"}


class Account:
    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self._machine: str | None = None
        self._count = 0

    def client(self, service: str) -> Any:
        return _client(service, self.endpoint_url)

    def resource(self, service: str) -> Any:
        return _resource(service, self.endpoint_url)

    def table(self, name: str) -> Any:
        return self.resource("dynamodb").Table(name)

    def name(self, base: str) -> str:
        """A name that is unique in the account."""
        self._count += 1
        return f"{base}-{self._count}"

    def create_table(self) -> str:
        name = self.name("transaction-branches")
        self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "suffix", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "suffix", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    def start_execution(self) -> str:
        """The ARN of a running execution."""
        states = self.client("stepfunctions")
        if self._machine is None:
            self._machine = states.create_state_machine(
                name="waiting", definition=json.dumps(_WAITING), roleArn="arn:aws:iam::0:role/r"
            )["stateMachineArn"]
        return str(states.start_execution(stateMachineArn=self._machine)["executionArn"])

    def stop_execution(self, arn: str) -> None:
        self.client("stepfunctions").stop_execution(executionArn=arn)

    def deploy(
        self,
        name: str,
        *,
        tags: dict[str, str],
        resources: dict[str, Any] | None = None,
        is_protected: bool = False,
        expected: str = "CREATE_COMPLETE",
    ) -> str:
        """Create a stack and wait for it; returns its ARN."""
        cloudformation = self.client("cloudformation")
        created = cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps({"Resources": resources or {"Topic": _TOPIC}}),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            EnableTerminationProtection=is_protected,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.wait_for(name, expected)
        return str(created["StackId"])

    def deploy_environment(self, suffix: str, **more: Any) -> None:
        for base in ("transaction", "DeliveryPipeline"):
            self.deploy(f"{base}-{suffix}", tags=tags_of(suffix), **more)

    def remove_pipelines(self) -> None:
        """Delete the pipeline stacks that other tests have left."""
        cloudformation = self.client("cloudformation")
        pages = cloudformation.get_paginator("describe_stacks").paginate()
        # All pages first: a deletion would move the stacks of the next page.
        for name in [stack["StackName"] for page in pages for stack in page["Stacks"]]:
            if name.startswith("DeliveryPipeline-") and self.status(name) != "GONE":
                cloudformation.update_termination_protection(
                    StackName=name, EnableTerminationProtection=False
                )
                cloudformation.delete_stack(StackName=name)
                self.wait_for(name, "GONE")

    def status(self, stack: str) -> str:
        cloudformation = self.client("cloudformation")
        try:
            found = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except cloudformation.exceptions.ClientError:
            return "GONE"
        status = str(found[0]["StackStatus"])
        return "GONE" if status == "DELETE_COMPLETE" else status

    def wait_for(self, stack: str, expected: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (status := self.status(stack)) != expected:
            assert time.monotonic() < deadline, f"{stack} is {status}, not {expected}"
            time.sleep(0.02)


def tags_of(suffix: str, **more: str) -> dict[str, str]:
    return {"application": "transaction-pipeline", "environment-suffix": suffix, **more}


@cache  # a client takes a quarter of a second to create
def _client(service: str, endpoint_url: str) -> Any:
    return _make_client(
        service,  # type: ignore[call-overload]  # a name that the test chooses
        **_options(endpoint_url),
    )


@cache
def _resource(service: str, endpoint_url: str) -> Any:
    return _make_resource(
        service,  # type: ignore[call-overload]  # a name that the test chooses
        **_options(endpoint_url),
    )


def _options(endpoint_url: str) -> dict[str, Any]:
    return {
        "endpoint_url": endpoint_url,
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "config": Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            max_pool_connections=40,
        ),
    }
