"""The deployed pipeline definition. Two definitions are compared as text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any


class DefinitionError(Exception):
    """There is no definition, or the local cloud cannot run it."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action; `configuration` may hold references such as `#{Namespace.Output}`."""

    stage: str
    name: str
    category: str
    provider: str
    configuration: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run_order: int
    namespace: str | None
    timeout_minutes: int | None


@dataclass(frozen=True, kw_only=True)
class Stage:
    name: str
    actions: tuple[Action, ...]

    def batches(self) -> list[tuple[Action, ...]]:
        """Actions that may run together, in the order of their RunOrder."""
        ordered = sorted(self.actions, key=lambda action: action.run_order)
        return [tuple(group) for _, group in groupby(ordered, key=lambda a: a.run_order)]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """`text` is equal for two definitions exactly when they are the same."""

    name: str
    stages: tuple[Stage, ...]
    artifact_bucket: str | None
    variables: Mapping[str, str]
    text: str

    @property
    def actions(self) -> list[Action]:
        return [action for stage in self.stages for action in stage.actions]


def load_definition(state_dir: Path, name: str) -> Definition:
    """The definition as it is deployed now. Raises DefinitionError when there is none."""
    file = state_dir / "cloud" / "pipelines" / f"{name}.json"
    try:
        properties = json.loads(file.read_text())
    except FileNotFoundError:
        raise DefinitionError(
            f"pipeline {name!r} is not deployed (no {file}): deploy its stack first"
        ) from None
    return parse_definition(name, properties)


def parse_definition(name: str, properties: Mapping[str, Any]) -> Definition:
    """From the resolved properties of an AWS::CodePipeline::Pipeline."""
    stages = tuple(
        Stage(
            name=stage["Name"],
            actions=tuple(_action(stage["Name"], action) for action in stage["Actions"]),
        )
        for stage in properties["Stages"]
    )
    _check_artifacts(stages)
    store: Mapping[str, Any] = properties.get("ArtifactStore") or next(
        (item["ArtifactStore"] for item in properties.get("ArtifactStores") or []), {}
    )
    return Definition(
        name=name,
        stages=stages,
        artifact_bucket=store.get("Location"),
        variables={v["Name"]: v.get("DefaultValue", "") for v in properties.get("Variables") or []},
        text=json.dumps(properties, sort_keys=True),
    )


def _action(stage: str, properties: Mapping[str, Any]) -> Action:
    kind = properties["ActionTypeId"]
    configuration = properties.get("Configuration") or {}
    timeout = properties.get("TimeoutInMinutes")
    return Action(
        stage=stage,
        name=properties["Name"],
        category=kind["Category"],
        provider=kind["Provider"],
        # CodePipeline keeps every value as text; a template may have numbers and booleans.
        configuration={
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in configuration.items()
        },
        inputs=tuple(a["Name"] for a in properties.get("InputArtifacts") or []),
        outputs=tuple(a["Name"] for a in properties.get("OutputArtifacts") or []),
        run_order=int(properties.get("RunOrder") or 1),
        namespace=properties.get("Namespace"),
        timeout_minutes=int(timeout) if timeout else None,
    )


def _check_artifacts(stages: tuple[Stage, ...]) -> None:
    available: set[str] = set()
    for stage in stages:
        for batch in stage.batches():
            for action in batch:
                if missing := set(action.inputs) - available:
                    raise DefinitionError(
                        f"{stage.name}/{action.name} takes {sorted(missing)}, "
                        "which no earlier action puts out"
                    )
            available.update(name for action in batch for name in action.outputs)
