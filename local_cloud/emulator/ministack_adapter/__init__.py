"""The one place that touches MiniStack's private names (pinned in requirements.in).

CloudFormation in MiniStack looks a resource type up in one table; here entries are added to it and
wrapped, so that a resource can start something real. MiniStack reads its settings from the
environment when it is imported: set them before calling anything here.
"""

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Properties = Mapping[str, Any]
Attributes = dict[str, Any]
Create = Callable[[str, Properties, str], tuple[str, Attributes]]
Update = Callable[[str, Properties, Properties, str], tuple[str, Attributes]]
Delete = Callable[[str, Properties], None]


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """How one CloudFormation resource type comes and goes.

    `create(logical_id, properties, stack_name)` and
    `update(physical_id, old_properties, new_properties, stack_name)` return the physical id and
    the attributes for Fn::GetAtt. What they raise fails the stack operation with its message.
    """

    create: Create
    update: Update
    delete: Delete


@dataclass(frozen=True, kw_only=True)
class Follower:
    """What happens beside MiniStack's own handling of a type; runs after it (delete: before).

    `created(physical_id, properties, attributes)` may change `attributes` in place.
    """

    created: Callable[[str, Properties, Attributes], None] | None = None
    updated: Callable[[str, Properties, Properties, Attributes], None] | None = None
    deleting: Callable[[str, Properties], None] | None = None


def register(types: Mapping[str, ResourceType]) -> None:
    """Teach CloudFormation types that MiniStack refuses. Each operation runs on its own thread."""
    handlers = _handlers()
    for name, kind in types.items():
        if name in handlers:
            raise RuntimeError(f"MiniStack knows {name} by now: remove our own handler for it")
        handlers[name] = {"create": kind.create, "update": kind.update, "delete": kind.delete}
    _on_worker_thread(set(types))


def follow(followers: Mapping[str, Follower]) -> None:
    """Run `followers` beside the handlers of types that MiniStack knows, on their own threads."""
    handlers = _handlers()
    for name, follower in followers.items():
        handlers[name] = _followed(handlers[name], follower)
    _on_worker_thread(set(followers))


def correct_secrets() -> None:
    """Make a secret's Ref its ARN, and honour ExcludePunctuation, as CloudFormation does on AWS."""
    from ministack.services import secretsmanager  # noqa: PLC0415

    handlers = _handlers()
    original = handlers["AWS::SecretsManager::Secret"]

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

    handlers["AWS::SecretsManager::Secret"] = {
        **original,
        "create": create,
        "update": update,
        "delete": delete,
    }


def correct_image_lookup() -> None:
    """Make ECR say that an image is missing: the asset publisher asks before it builds."""
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


def record_computing_alarms(recorded: ResourceType) -> None:
    """Hand alarms with `Metrics` to `recorded`: MiniStack's CloudFormation refuses them."""
    handlers = _handlers()
    original = handlers["AWS::CloudWatch::Alarm"]

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

    handlers["AWS::CloudWatch::Alarm"] = {
        **original,
        "create": create,
        "update": update,
        "delete": delete,
    }


def set_cluster_endpoints(cluster_id: str, *, writer: str, reader: str, port: int) -> None:
    """Make the RDS API answer with addresses that work on this machine."""
    from ministack.services import rds  # noqa: PLC0415 - reads the environment when imported

    rds._clusters[cluster_id].update({"Endpoint": writer, "ReaderEndpoint": reader, "Port": port})


def set_instance_endpoint(instance_id: str, *, address: str, port: int, is_writer: bool) -> None:
    from ministack.services import rds  # noqa: PLC0415

    instance = rds._instances[instance_id]
    instance["Endpoint"].update({"Address": address, "Port": port})
    for member in rds._clusters[instance["DBClusterIdentifier"]]["DBClusterMembers"]:
        if member["DBInstanceIdentifier"] == instance_id:
            member["IsClusterWriter"] = is_writer


def set_load_balancer_dns_name(arn: str, dns_name: str) -> None:
    from ministack.services import alb  # noqa: PLC0415

    alb._lbs[arn]["DNSName"] = dns_name


def complete_task_definition(arn: str) -> None:
    """MiniStack's CloudFormation leaves nested container properties in template spelling."""
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
    """MiniStack's CloudFormation forgets a function but keeps its worker processes."""
    from ministack.core.lambda_runtime import invalidate_worker  # noqa: PLC0415
    from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415

    invalidate_worker(name, account=get_account_id(), region=get_region())


def set_bucket_tags(name: str, tags: dict[str, str]) -> None:
    """MiniStack's CloudFormation leaves a bucket's tags out; CDK's clean-up function needs one."""
    from ministack.services import s3  # noqa: PLC0415

    s3._bucket_tags[name] = tags


def export_certificate(arn: str, folder: Path) -> tuple[Path, Path]:
    """Write an imported ACM certificate and its key for the load balancer. KeyError if unknown.

    AWS never gives the key back; its load balancer has it all the same, and so does ours.
    """
    from ministack.services import acm  # noqa: PLC0415

    record = acm._certificates[arn]
    folder.mkdir(parents=True, exist_ok=True)
    name = arn.rsplit("/", 1)[-1]
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_text(record["_pem_body"] + record["_pem_chain"])
    key.touch(mode=0o600)
    key.write_text(record["_private_key"])
    return certificate, key


def application() -> Any:
    """MiniStack's ASGI application."""
    from ministack.app import app  # noqa: PLC0415

    return app


def _handlers() -> dict[str, dict[str, Any]]:
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    handlers: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
    return handlers


def _on_worker_thread(types: set[str]) -> None:
    """Keep the event loop free while these types start real things."""
    from ministack.services.cloudformation import stacks  # noqa: PLC0415

    before = stacks._runs_on_worker_thread

    def runs_on_worker_thread(resource_type: str) -> bool:
        return resource_type in types or bool(before(resource_type))

    stacks._runs_on_worker_thread = runs_on_worker_thread


def _followed(handler: Mapping[str, Any], follower: Follower) -> dict[str, Any]:
    result = dict(handler)

    if follower.created is not None:
        after_create, create = follower.created, handler["create"]

        def creating(logical_id: str, properties: Properties, stack_name: str) -> Any:
            physical_id, attributes = create(logical_id, properties, stack_name)
            try:
                after_create(physical_id, properties, attributes)
            except BaseException:
                # CloudFormation has no physical id yet, so it would never delete this.
                if follower.deleting is not None:
                    follower.deleting(physical_id, properties)
                handler["delete"](physical_id, properties)
                raise
            return physical_id, attributes

        result["create"] = creating

    if follower.updated is not None:
        after_update, update = follower.updated, handler["update"]

        def updating(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
            new_id, attributes = update(physical_id, old, new, *rest)
            after_update(new_id, old, new, attributes)
            return new_id, attributes

        result["update"] = updating

    if follower.deleting is not None:
        before_delete, delete = follower.deleting, handler["delete"]

        def deleting(physical_id: str, properties: Properties, *rest: Any) -> None:
            before_delete(physical_id, properties)
            delete(physical_id, properties, *rest)

        result["delete"] = deleting

    return result
