"""The templates of a synthesized app, with the construct path of each resource."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StackTemplate:
    """One stack of an assembly.

    `stack` is its construct id without a suffix, such as `Transaction`; `configuration` tells
    several of them apart by their stage. `places` maps logical ids to construct paths below it.
    """

    file: Path
    stack: str
    configuration: str
    places: Mapping[str, str]

    def place(self, logical_id: str) -> str:
        """`Transaction/Database/Cluster`, the same in every environment."""
        return f"{self.stack}/{self.places.get(logical_id, logical_id)}"


def stack_templates(assembly: Path) -> Iterator[StackTemplate]:
    """Return every stack in `assembly`, including those of its stages."""
    for manifest in sorted(assembly.rglob("manifest.json")):
        for artifact in json.loads(manifest.read_text())["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                yield _template(manifest.parent, artifact)


def _template(folder: Path, artifact: Mapping[str, Any]) -> StackTemplate:
    path = artifact["displayName"]
    *stages, name = path.split("/")
    stack = name.partition("-")[0]
    metadata = json.loads((folder / artifact["additionalMetadataFile"]).read_text())
    return StackTemplate(
        file=folder / artifact["properties"]["templateFile"],
        stack=stack,
        configuration=stages[-1] if stages else stack,
        places={
            entry["data"]: construct.removeprefix(f"/{path}/")
            for construct, entries in metadata.items()
            for entry in entries
            if entry["type"] == "aws:cdk:logicalId"
        },
    )
