"""The operation of CodeConnections that `make preflight` calls: the local git host needs nobody to
authorise it, so every connection is available."""

from collections.abc import Mapping
from typing import Any

from local_cloud.emulator.codepipeline_api import ApiError

TARGET = "com.amazonaws.codeconnections.CodeConnections_20231201."


def call(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    if operation != "GetConnection":
        raise ApiError(
            "UnknownOperationException", f"the local cloud does not implement {operation}"
        )
    arn = request["ConnectionArn"]
    return {
        "Connection": {
            "ConnectionArn": arn,
            "ConnectionName": arn.rpartition("/")[2],
            "ConnectionStatus": "AVAILABLE",
            "ProviderType": "GitHub",
        }
    }
