"""The branch hub of this cloud: found by its tag, used through its stack's outputs."""

import json
from dataclasses import dataclass
from typing import Any

from local_cloud.aws import AwsClients
from operations.hubs import hub_outputs


@dataclass(frozen=True, kw_only=True)
class Hub:
    outputs: dict[str, str]
    aws: AwsClients

    @property
    def webhook_url(self) -> str:
        return self.outputs["WebhookUrl"]

    @property
    def create_machine(self) -> str:
        return self.outputs["CreateStateMachineArn"]

    @property
    def destroy_machine(self) -> str:
        return self.outputs["DestroyStateMachineArn"]

    def webhook_secret(self) -> str:
        """The secret that a person enters at GitHub. Read at each call: it can change."""
        found = self.aws.secretsmanager.get_secret_value(SecretId=self.outputs["WebhookSecretName"])
        return str(json.loads(found["SecretString"])["webhook_secret"])

    def forget(self, branch: str) -> None:
        """Delete the record of an environment that a person deleted without the hub."""
        for record in self.environments():
            if record.get("branch") == branch:
                self.aws.dynamodb.delete_item(
                    TableName=self.outputs["BranchTableName"],
                    Key={"suffix": {"S": record["suffix"]}},
                )

    def environments(self) -> list[dict[str, str]]:
        """The hub's records of environments: suffix, branch, state, expires_at, ..."""
        found = []
        pages = self.aws.dynamodb.get_paginator("scan")
        for page in pages.paginate(TableName=self.outputs["BranchTableName"]):
            for item in page["Items"]:
                record = {name: _text(value) for name, value in item.items()}
                if "state" in record:
                    found.append(record)
        return sorted(found, key=lambda record: record["suffix"])


def find_hub(aws: AwsClients) -> Hub | None:
    hubs = (Hub(outputs=outputs, aws=aws) for outputs in hub_outputs(aws.cloudformation).values())
    return next((hub for hub in hubs if "WebhookUrl" in hub.outputs), None)


def _text(value: Any) -> str:
    kind, inner = next(iter(value.items()))
    if kind == "M":  # such as `sleeping`
        return ", ".join(f"{name} {_text(part)}" for name, part in sorted(inner.items()))
    return "" if kind == "NULL" else str(inner)
