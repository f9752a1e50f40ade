"""CodeBuild projects as deployed, and the values of their environment variables."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloud.codebuild.buildspec import Buildspec, BuildspecError, parse_buildspec

Clients = Callable[[str], Any]


class ProjectError(Exception):
    """A project, or a value that it refers to, does not exist."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """`kind` is PLAINTEXT, PARAMETER_STORE or SECRETS_MANAGER; `value` is a reference then."""

    name: str
    value: str
    kind: str = "PLAINTEXT"


@dataclass(frozen=True, kw_only=True)
class Project:
    name: str
    arn: str
    image: str
    buildspec: str
    variables: tuple[Variable, ...]
    timeout_minutes: int


def load_project(clients: Clients, name: str) -> Project:
    """Raises ProjectError when the project does not exist."""
    found = clients("codebuild").batch_get_projects(names=[name])["projects"]
    if not found:
        raise ProjectError(f"CodeBuild project {name!r} does not exist")
    return parse_project(found[0])


def parse_project(project: Mapping[str, Any]) -> Project:
    """From the API's description of a project."""
    environment = project["environment"]
    return Project(
        name=project["name"],
        arn=project["arn"],
        image=environment.get("image", ""),
        buildspec=project["source"].get("buildspec") or "",
        variables=parse_variables(environment.get("environmentVariables") or []),
        timeout_minutes=int(project.get("timeoutInMinutes") or 60),
    )


def parse_variables(items: Sequence[Mapping[str, Any]]) -> tuple[Variable, ...]:
    """From the API's list of {name, value, type}."""
    return tuple(
        Variable(name=i["name"], value=str(i["value"]), kind=i.get("type") or "PLAINTEXT")
        for i in items
    )


def read_buildspec(project: Project, source: Path) -> Buildspec:
    """The project's inline buildspec, or the file that it names (default: buildspec.yml).

    Raises BuildspecError.
    """
    text = project.buildspec.strip()
    if "\n" in text or text.startswith("{"):
        return parse_buildspec(text)
    file = source / (text or "buildspec.yml")
    if not file.is_file():
        raise BuildspecError(f"project {project.name}: no buildspec file {file.name!r} in source")
    return parse_buildspec(file.read_text())


def resolve_variable(clients: Clients, variable: Variable) -> str:
    """The value, with references resolved. Raises ProjectError when one cannot be read."""
    try:
        match variable.kind:
            case "PLAINTEXT":
                return variable.value
            case "PARAMETER_STORE":
                answer = clients("ssm").get_parameter(Name=variable.value, WithDecryption=True)
                return str(answer["Parameter"]["Value"])
            case "SECRETS_MANAGER":
                return _secret(clients, variable.value)
    except Exception as error:  # any failure: the message must name the variable
        raise ProjectError(
            f"environment variable {variable.name} ({variable.kind} {variable.value}): {error}"
        ) from error
    raise ProjectError(f"environment variable {variable.name} has unknown type {variable.kind!r}")


def _secret(clients: Clients, reference: str) -> str:
    """`id[:json-key[:version-stage[:version-id]]]`, where id may be an ARN with its own colons."""
    parts = reference.split(":")
    id_length = 7 if reference.startswith("arn:") else 1
    secret_id, rest = ":".join(parts[:id_length]), [*parts[id_length:], "", "", ""]
    arguments = {"SecretId": secret_id, "VersionStage": rest[1], "VersionId": rest[2]}
    answer = clients("secretsmanager").get_secret_value(**{k: v for k, v in arguments.items() if v})
    text = str(answer["SecretString"])
    return str(json.loads(text)[rest[0]]) if rest[0] else text
