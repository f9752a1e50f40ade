"""Resolves a deployed ECS task definition and its secrets, as the ECS agent does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud.aws import AwsClients


class TaskCannotStart(Exception):
    """The task cannot start; the message names the container and the reason."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """The first essential container of a task definition; sidecars are not run."""

    name: str
    image: str
    environment: dict[str, str]
    command: tuple[str, ...]  # empty: that of the image
    port: int
    log_group: str | None
    log_stream_prefix: str
    stop_timeout_seconds: int
    task_role_arn: str | None


def resolve(aws: AwsClients, task_definition_arn: str) -> Container:
    """Read the definition and its secrets. Raises TaskCannotStart."""
    described = aws.ecs.describe_task_definition(taskDefinition=task_definition_arn)
    definition: Mapping[str, Any] = described["taskDefinition"]
    containers = definition["containerDefinitions"]
    container = next((c for c in containers if c.get("essential", True)), None)
    if container is None:
        raise TaskCannotStart(f"{task_definition_arn} has no essential container")
    environment = {e["name"]: e["value"] for e in container.get("environment", [])}
    for secret in container.get("secrets", []):
        environment[secret["name"]] = _secret(aws, container["name"], secret["valueFrom"])
    ports = container.get("portMappings", [])
    if not ports:
        raise TaskCannotStart(f"container {container['name']} maps no port")
    options = _log_options(container)
    return Container(
        name=container["name"],
        image=container["image"],
        environment=environment,
        command=tuple(container.get("command", ())),
        port=int(ports[0]["containerPort"]),
        log_group=options.get("awslogs-group"),
        log_stream_prefix=options.get("awslogs-stream-prefix", "ecs"),
        stop_timeout_seconds=int(container.get("stopTimeout", 30)),
        task_role_arn=definition.get("taskRoleArn") or None,
    )


def role_environment(aws: AwsClients, container: Container, task_id: str) -> dict[str, str]:
    """Credentials of the task role, as environment variables; empty without a role."""
    if container.task_role_arn is None:
        return {}
    assumed = aws.sts.assume_role(RoleArn=container.task_role_arn, RoleSessionName=task_id)
    credentials = assumed["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


def _log_options(container: Mapping[str, Any]) -> dict[str, str]:
    log = container.get("logConfiguration") or {}
    if log.get("logDriver") != "awslogs":
        return {}
    options: dict[str, str] = log.get("options", {})
    return options


def _secret(aws: AwsClients, container: str, value_from: str) -> str:
    """A secret's string, or one key of its JSON: `<arn>[:json-key:version-stage:version-id]`."""
    parts = value_from.split(":")
    arn, key = ":".join(parts[:7]), parts[7] if len(parts) > 7 else ""
    try:
        text = aws.secretsmanager.get_secret_value(SecretId=arn)["SecretString"]
    except aws.secretsmanager.exceptions.ResourceNotFoundException as error:
        raise TaskCannotStart(f"container {container}: no secret {arn}") from error
    if not key:
        return text
    value = json.loads(text).get(key)
    if value is None:
        raise TaskCannotStart(f"container {container}: secret {arn} has no key {key!r}")
    return str(value)
