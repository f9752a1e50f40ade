"""The template and the arguments of a CloudFormation action's API calls."""

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud.pipeline.actions import ActionFailed, ActionRun

_INLINE_BYTES_MAX = 51_200  # CloudFormation's own limit; larger templates come from S3


def template_text(run: ActionRun) -> str:
    """Raises ActionFailed when TemplatePath names no file."""
    return run.input_path(run.config("TemplatePath")).read_text()


@contextlib.contextmanager
def template_argument(run: ActionRun, text: str) -> Iterator[dict[str, str]]:
    """TemplateBody, or TemplateURL of an object that exists only inside the `with` block."""
    if len(text.encode()) <= _INLINE_BYTES_MAX:
        yield {"TemplateBody": text}
        return
    bucket = run.run.definition.artifact_bucket
    if bucket is None:
        raise ActionFailed(f"a template over {_INLINE_BYTES_MAX} bytes needs the artifact bucket")
    key = f"{run.run.definition.name}/templates/{uuid.uuid4()}.json"
    s3 = run.run.clients("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    try:
        yield {"TemplateURL": f"{run.run.context.endpoint_url}/{bucket}/{key}"}
    finally:
        s3.delete_object(Bucket=bucket, Key=key)


def deployment_arguments(run: ActionRun) -> dict[str, Any]:
    """Parameters, Tags, Capabilities and RoleARN. ParameterOverrides override the file."""
    parameters: dict[str, str] = {}
    tags: dict[str, str] = {}
    if reference := run.optional_config("TemplateConfiguration"):
        document = json.loads(run.input_path(reference).read_text())
        parameters |= document.get("Parameters") or {}
        tags |= document.get("Tags") or {}
    if overrides := run.action.configuration.get("ParameterOverrides"):
        resolved = run.run.variables.resolve_json(overrides)
        parameters |= {name: _parameter(run, name, value) for name, value in resolved.items()}
    capabilities = [c.strip() for c in run.optional_config("Capabilities").split(",") if c.strip()]
    role = run.optional_config("RoleArn")
    return {
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": str(value)}
            for name, value in parameters.items()
        ],
        "Tags": [{"Key": name, "Value": str(value)} for name, value in tags.items()],
        "Capabilities": capabilities,
        **({"RoleARN": role} if role else {}),
    }


def _parameter(run: ActionRun, name: str, value: Any) -> str:
    """A text, or `{"Fn::GetParam": [artifact, file, key]}`."""
    if isinstance(value, Mapping):
        match value:
            case {"Fn::GetParam": [str(artifact), str(file), str(key)]}:
                found = json.loads(run.input_path(f"{artifact}::{file}").read_text())
                return str(found[key])
        raise ActionFailed(f"ParameterOverrides {name}: {sorted(value)} is not supported here")
    return str(value)
