"""CloudFormation types that MiniStack refuses and that do nothing here but exist.

They have an id, the attributes that templates ask for, and no effect. `local_cloud/README.md`
lists them. A type that does something has a module of its own.
"""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_cloud.aws import ACCOUNT, REGION
from local_cloud.emulator.ministack_adapter import Attributes, Properties, ResourceType

_AttributesOf = Callable[[str, Properties], Attributes]


def recorded_types(folder: Path) -> dict[str, ResourceType]:
    """The recorded types; what was created lies as JSON under `folder`, one file a resource."""
    return {
        "AWS::EC2::NatGateway": _recorded(
            folder, "nat", lambda physical_id, _: {"NatGatewayId": physical_id}
        ),
        "AWS::EC2::EIP": _recorded(
            folder,
            "eipalloc",
            lambda physical_id, _: {"AllocationId": physical_id, "PublicIp": "192.0.2.1"},
        ),
        "AWS::EC2::SecurityGroupIngress": _recorded(folder, "sgr", _id_only),
        "AWS::EC2::SecurityGroupEgress": _recorded(folder, "sgr", _id_only),
        "AWS::EC2::FlowLog": _recorded(folder, "fl", _id_only),
        "AWS::ApplicationAutoScaling::ScalableTarget": _recorded(folder, "target", _id_only),
        "AWS::ApplicationAutoScaling::ScalingPolicy": _recorded(
            folder, "policy", lambda physical_id, _: {"Arn": physical_id}
        ),
        "AWS::CloudWatch::CompositeAlarm": _recorded(
            folder, "composite", lambda physical_id, _: {"Arn": physical_id}
        ),
        "AWS::Logs::QueryDefinition": _recorded(
            folder, "query", lambda physical_id, _: {"QueryDefinitionId": physical_id}
        ),
        "AWS::CodeBuild::ReportGroup": _recorded(
            folder,
            "report-group",
            lambda _, properties: {
                "Arn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:report-group/{properties['Name']}"
            },
        ),
        "AWS::CodeStarNotifications::NotificationRule": _recorded(
            folder,
            "notification-rule",
            lambda physical_id, _: {
                "Arn": f"arn:aws:codestar-notifications:{REGION}:{ACCOUNT}:notificationrule/"
                f"{physical_id}"
            },
        ),
    }


def recorded_alarms(folder: Path) -> ResourceType:
    """Alarms that compute with several metrics: MiniStack evaluates only those of one."""
    return _recorded(folder, "alarm", lambda physical_id, _: {"Arn": physical_id})


def _id_only(physical_id: str, _: Properties) -> Attributes:
    return {"Id": physical_id}


def _recorded(folder: Path, prefix: str, attributes_of: _AttributesOf) -> ResourceType:
    def save(physical_id: str, properties: Properties) -> tuple[str, Attributes]:
        folder.mkdir(parents=True, exist_ok=True)
        record: dict[str, Any] = {"id": physical_id, "properties": properties}
        (folder / f"{physical_id}.json").write_text(json.dumps(record, indent=1))
        return physical_id, attributes_of(physical_id, properties)

    def create(_: str, properties: Properties, __: str) -> tuple[str, Attributes]:
        return save(f"{prefix}-{uuid.uuid4().hex[:17]}", properties)

    def update(
        physical_id: str, _: Properties, new: Properties, *__: object
    ) -> tuple[str, Attributes]:
        return save(physical_id, new)

    def delete(physical_id: str, _: Properties) -> None:
        (folder / f"{physical_id}.json").unlink(missing_ok=True)

    return ResourceType(create=create, update=update, delete=delete)
