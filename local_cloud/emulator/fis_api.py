"""AWS::FIS::ExperimentTemplate, and the operations of FIS that `make drill` calls.

FIS is a REST API. Its requests are told apart from those of other services by the scope of their
signature.
"""

import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from local_cloud.emulator.experiments import RUNNING, Experiment, Experiments, arn
from local_cloud.emulator.ministack_adapter import Attributes, Properties, ResourceType
from local_cloud.whole_file import write_whole

SCOPE: Final = "/fis/aws4_request"  # in the header Authorization

Answer = tuple[int, dict[str, str], Any]


def template_type(folder: Path) -> dict[str, ResourceType]:
    """Each template is a file in `folder`."""

    def save(physical_id: str, properties: Properties) -> tuple[str, Attributes]:
        folder.mkdir(parents=True, exist_ok=True)
        record = {"id": physical_id, "saved": time.time(), "properties": properties}
        write_whole(folder / f"{physical_id}.json", json.dumps(record, indent=1))
        return physical_id, {"Id": physical_id}

    def create(_: str, properties: Properties, __: str) -> tuple[str, Attributes]:
        return save(f"EXT{uuid.uuid4().hex[:15]}", properties)

    def update(
        physical_id: str, _: Properties, new: Properties, *__: object
    ) -> tuple[str, Attributes]:
        return save(physical_id, new)

    def delete(physical_id: str, _: Properties) -> None:
        (folder / f"{physical_id}.json").unlink(missing_ok=True)

    return {
        "AWS::FIS::ExperimentTemplate": ResourceType(create=create, update=update, delete=delete)
    }


class _Failure(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class FisApi:
    def __init__(self, folder: Path, experiments: Experiments) -> None:
        self._folder = folder
        self._experiments = experiments

    def call(self, method: str, path: str, body: bytes) -> Answer:
        """`path` as it was sent, without the query."""
        try:
            kind, _, name = path.lstrip("/").partition("/")
            return 200, {}, self._answer(method, kind, unquote(name), json.loads(body or b"{}"))
        except _Failure as failure:
            return failure.status, {"x-amzn-errortype": failure.code}, {"message": str(failure)}

    def _answer(
        self, method: str, kind: str, name: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        match method, kind, bool(name):
            case "GET", "experimentTemplates", False:
                return {"experimentTemplates": [_summary(t) for t in self._templates()]}
            case "POST", "experiments", False:
                return {"experiment": self._start(request).shape()}
            case "GET", "experiments", False:
                return {"experiments": [e.shape() for e in self._experiments.all()]}
            case "GET", "experiments", True:
                return {"experiment": self._experiment(name).shape()}
            case "DELETE", "experiments", True:
                return {"experiment": self._stop(name).shape()}
            case "GET", "tags", True:
                return {"tags": self._tags(name)}
        raise _Failure(
            400,
            "ValidationException",
            f"the local cloud does not implement {method} {kind} of FIS",
        )

    def _templates(self) -> list[dict[str, Any]]:
        return [json.loads(file.read_text()) for file in sorted(self._folder.glob("*.json"))]

    def _start(self, request: Mapping[str, Any]) -> Experiment:
        wanted = request["experimentTemplateId"]
        for template in self._templates():
            if template["id"] == wanted:
                experiment = Experiment(
                    template_id=wanted,
                    properties=template["properties"],
                    tags=request.get("tags", {}),
                )
                self._experiments.start(experiment)
                return experiment
        raise _Failure(
            404, "ResourceNotFoundException", f"there is no experiment template {wanted}"
        )

    def _experiment(self, name: str) -> Experiment:
        found = self._experiments.get(name)
        if found is None:
            raise _Failure(404, "ResourceNotFoundException", f"there is no experiment {name}")
        return found

    def _stop(self, name: str) -> Experiment:
        experiment = self._experiment(name)
        if experiment.state["status"] not in RUNNING:
            raise _Failure(
                400,
                "ValidationException",
                f"experiment {name} is {experiment.state['status']} already",
            )
        experiment.stop("Experiment stopped by user.")
        return experiment

    def _tags(self, resource: str) -> Mapping[str, str]:
        for template in self._templates():
            if arn("experiment-template", template["id"]) == resource:
                return dict(template["properties"].get("Tags", {}))
        return self._experiment(resource.rpartition("/")[2]).tags


def _summary(template: Mapping[str, Any]) -> dict[str, Any]:
    properties = template["properties"]
    return {
        "id": template["id"],
        "arn": arn("experiment-template", template["id"]),
        "description": properties["Description"],
        "creationTime": template["saved"],
        "lastUpdateTime": template["saved"],
        "tags": properties.get("Tags", {}),
    }
