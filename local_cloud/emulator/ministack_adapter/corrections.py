"""Corrects MiniStack where the project needs the behaviour of AWS."""

import string
from pathlib import Path
from typing import Any

from local_cloud.emulator import function_logs
from local_cloud.emulator.ministack_adapter import Properties, ResourceType, handlers


def correct_secrets() -> None:
    """Let the Ref of a secret be its ARN, and apply ExcludePunctuation."""
    from ministack.services import secretsmanager  # noqa: PLC0415

    known = handlers()
    original = known["AWS::SecretsManager::Secret"]

    def without_punctuation(properties: Properties) -> Properties:
        generate = properties.get("GenerateSecretString")
        if not generate or str(generate.get("ExcludePunctuation")).lower() != "true":
            return properties
        excluded = generate.get("ExcludeCharacters", "") + string.punctuation
        return {**properties, "GenerateSecretString": {**generate, "ExcludeCharacters": excluded}}

    def name_of(arn: str) -> str:
        for name, secret in secretsmanager._secrets.items():
            if secret["ARN"] == arn:
                return str(name)
        return arn

    def create(logical_id: str, properties: Properties, stack_name: str) -> Any:
        _, attributes = original["create"](logical_id, without_punctuation(properties), stack_name)
        return attributes["Arn"], attributes

    def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        _, attributes = original["update"](
            name_of(physical_id), without_punctuation(old), without_punctuation(new), *rest
        )
        return attributes["Arn"], attributes

    def delete(physical_id: str, properties: Properties) -> None:
        original["delete"](name_of(physical_id), properties)

    known["AWS::SecretsManager::Secret"] = {
        **original,
        "create": create,
        "update": update,
        "delete": delete,
    }


def correct_image_lookup() -> None:
    """Let ECR report that an image is missing: the asset publisher asks before it builds."""
    from ministack.core.responses import error_response_json  # noqa: PLC0415
    from ministack.services import ecr  # noqa: PLC0415

    describe = ecr._describe_images

    def describe_images(data: dict[str, Any]) -> Any:
        repository = data.get("repositoryName", "")
        for image in data.get("imageIds") or []:
            if repository in ecr._repositories and not ecr._find_image(repository, image):
                return error_response_json(
                    "ImageNotFoundException",
                    f"The image with imageId {image} does not exist within the repository "
                    f"with name '{repository}'",
                    400,
                )
        return describe(data)

    ecr._describe_images = describe_images


def correct_function_logs() -> None:
    """Let Python functions write Lambda's JSON log lines, which every function here asks for."""
    from ministack.core import lambda_runtime  # noqa: PLC0415

    start = Path(function_logs.__file__).read_text() + "\n\nwrite_as_lambda()\n"
    lambda_runtime._PYTHON_WORKER_SCRIPT = start + lambda_runtime._PYTHON_WORKER_SCRIPT


def record_computing_alarms(recorded: ResourceType) -> None:
    """Use `recorded` for alarms with `Metrics`, which MiniStack's CloudFormation refuses."""
    known = handlers()
    original = known["AWS::CloudWatch::Alarm"]

    def create(logical_id: str, properties: Properties, stack_name: str) -> Any:
        kind = recorded.create if properties.get("Metrics") else original["create"]
        return kind(logical_id, properties, stack_name)

    def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        if bool(old.get("Metrics")) != bool(new.get("Metrics")):
            delete(physical_id, old)
            return create(physical_id, new, *rest)
        kind = recorded.update if new.get("Metrics") else original["update"]
        return kind(physical_id, old, new, *rest)

    def delete(physical_id: str, properties: Properties) -> None:
        kind = recorded.delete if properties.get("Metrics") else original["delete"]
        kind(physical_id, properties)

    known["AWS::CloudWatch::Alarm"] = {
        **original,
        "create": create,
        "update": update,
        "delete": delete,
    }


def complete_task_definition(arn: str) -> None:
    """Give nested container properties the API's spelling: CloudFormation kept the template's."""
    from ministack.services import ecs  # noqa: PLC0415

    definition = ecs._task_defs[arn.rsplit("/", 1)[-1]]
    for container in definition["containerDefinitions"]:
        for key in ("secrets", "dependsOn", "ulimits"):
            if key in container:
                container[key] = [
                    {name[0].lower() + name[1:]: value for name, value in entry.items()}
                    for entry in container[key]
                ]


def end_function_workers(name: str) -> None:
    """End the worker processes of a function: CloudFormation deletes only its record."""
    from ministack.core.lambda_runtime import invalidate_worker  # noqa: PLC0415
    from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415

    invalidate_worker(name, account=get_account_id(), region=get_region())


def correct_roles_with_a_path() -> None:
    """Let SimulatePrincipalPolicy find a role whose ARN has a path before its name."""
    from ministack.core import iam_evaluator  # noqa: PLC0415

    by_name = iam_evaluator._gather_role_policies

    def by_path_and_name(role: str, account_id: str) -> Any:
        return by_name(role.rpartition("/")[2], account_id)

    iam_evaluator._gather_role_policies = by_path_and_name


def set_bucket_tags(name: str, tags: dict[str, str]) -> None:
    """Set a bucket's tags: CloudFormation ignores them, and CDK's clean-up function needs one."""
    from ministack.services import s3  # noqa: PLC0415

    s3._bucket_tags[name] = tags


def forget_table_tags(name: str) -> None:
    """Delete the tags of a table: CloudFormation keeps them, and the tagging API lists them."""
    from ministack.services import dynamodb  # noqa: PLC0415

    table = dynamodb._tables.get(name)
    if table is not None:
        dynamodb._tags.pop(table["TableArn"], None)
