"""AWS::CodePipeline::Pipeline: keeps the deployed definition for the interpreter."""

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from local_cloud.emulator.ministack_adapter import Attributes, Properties, ResourceType
from local_cloud.whole_file import write_whole

_NAME = re.compile(r"[A-Za-z0-9.@_-]{1,100}")


ForgetStacks = Callable[[Collection[str]], None]


class Runs(Protocol):
    """Is notified when a pipeline is created, updated or deleted."""

    def created(self, name: str) -> None: ...

    def updated(self, name: str) -> None: ...

    def deleted(self, name: str) -> None: ...


def pipeline_type(folder: Path, runs: Runs, forget: ForgetStacks) -> dict[str, ResourceType]:
    """Definitions are stored as `<folder>/<pipeline name>.json`, with every reference resolved.

    `forget` is called with the stacks that a deleted pipeline deployed: all of them were deleted
    before the pipeline.
    """

    def save(name: str, properties: Properties) -> tuple[str, Attributes]:
        if not _NAME.fullmatch(name):
            raise ValueError(f"pipeline Name {name!r} does not match {_NAME.pattern}")
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{name}.json", json.dumps(properties, indent=1, sort_keys=True))
        return name, {"Version": "1"}

    def create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, Attributes]:
        result = save(properties.get("Name") or f"{stack_name}-{logical_id}", properties)
        runs.created(result[0])
        return result

    def update(
        physical_id: str, old: Properties, new: Properties, *__: object
    ) -> tuple[str, Attributes]:
        result = save(physical_id, new)
        if old != new and str(new.get("RestartExecutionOnUpdate")).lower() == "true":
            runs.updated(physical_id)
        return result

    def delete(physical_id: str, properties: Properties) -> None:
        runs.deleted(physical_id)
        forget(_stacks(properties))
        (folder / f"{physical_id}.json").unlink(missing_ok=True)

    return {
        "AWS::CodePipeline::Pipeline": ResourceType(create=create, update=update, delete=delete)
    }


def _stacks(definition: Properties) -> set[str]:
    """The stacks that the pipeline's CloudFormation actions deploy."""
    configurations = (
        a.get("Configuration", {}) for s in definition["Stages"] for a in s["Actions"]
    )
    return {c["StackName"] for c in configurations if "StackName" in c}
