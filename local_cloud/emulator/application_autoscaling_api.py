"""The operations of Application Auto Scaling that the branch hub calls.

Scalable targets are recorded resources. Whether scaling is suspended is only recorded, too: there
are no load metrics here, so nothing scales within the range.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local_cloud.emulator.codepipeline_api import ApiError
from local_cloud.whole_file import write_whole

TARGET = "AnyScaleFrontendService."
_SUSPENDED = "SuspendedState"


class ApplicationAutoScalingApi:
    """`folder` holds the recorded resources (`recorded_types.py`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        found = [
            (file, record)
            for file, record in self._targets()
            if _is_asked_for(record["properties"], request)
        ]
        if operation == "DescribeScalableTargets":
            return {"ScalableTargets": [_shape(record) for _, record in found]}
        if operation != "RegisterScalableTarget":
            raise ApiError(
                "UnknownOperationException", f"the local cloud does not implement {operation}"
            )
        if not found:
            raise ApiError(
                "ValidationException", f"there is no scalable target {request['ResourceId']}"
            )
        for file, record in found:
            changed = {
                name: request[name]
                for name in ("MinCapacity", "MaxCapacity", _SUSPENDED)
                if name in request
            }
            properties = {**record["properties"], **changed}
            write_whole(file, json.dumps({**record, "properties": properties}, indent=1))
        return {}

    def _targets(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for file in sorted(self._folder.glob("target-*.json")):
            yield file, json.loads(file.read_text())


def _is_asked_for(properties: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    ids = request.get("ResourceIds") or [request.get("ResourceId")]
    return (
        properties["ServiceNamespace"] == request["ServiceNamespace"]
        and properties["ResourceId"] in ids
        and properties["ScalableDimension"] == request.get("ScalableDimension")
    )


def _shape(record: Mapping[str, Any]) -> dict[str, Any]:
    properties = record["properties"]
    return {
        "ServiceNamespace": properties["ServiceNamespace"],
        "ResourceId": properties["ResourceId"],
        "ScalableDimension": properties["ScalableDimension"],
        "MinCapacity": int(properties["MinCapacity"]),
        "MaxCapacity": int(properties["MaxCapacity"]),
        "RoleARN": str(properties.get("RoleARN", "")),
        "CreationTime": 0,
        _SUSPENDED: properties.get(_SUSPENDED, {}),
    }
