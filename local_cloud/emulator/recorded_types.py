"""CloudFormation types that are recorded only: MiniStack lacks them, and they have no effect here.

A recorded resource has an id and the attributes that templates read. `local_cloud/README.md` lists
these types, and says how to add a type with an effect.
"""

import json
import uuid
from pathlib import Path
from typing import Any, Final

from local_cloud.aws import ACCOUNT, REGION
from local_cloud.emulator.ministack_adapter import Attributes, Properties, ResourceType

_ARN: Final = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:{{}}"

# By type: the prefix of its ids, and its attributes. `{id}` and properties are filled in.
_TYPES: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ("target", {"Id": "{id}"}),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("policy", {"Arn": "{id}"}),
    "AWS::CloudWatch::CompositeAlarm": ("composite", {"Arn": "{id}"}),
    "AWS::CodeBuild::ReportGroup": (
        "report-group",
        {"Arn": _ARN.format("codebuild", "report-group/{Name}")},
    ),
    "AWS::CodeStarNotifications::NotificationRule": (
        "notification-rule",
        {"Arn": _ARN.format("codestar-notifications", "notificationrule/{id}")},
    ),
    "AWS::EC2::EIP": ("eipalloc", {"AllocationId": "{id}", "PublicIp": "192.0.2.1"}),
    "AWS::EC2::FlowLog": ("fl", {"Id": "{id}"}),
    "AWS::EC2::NatGateway": ("nat", {"NatGatewayId": "{id}"}),
    "AWS::EC2::SecurityGroupEgress": ("sgr", {"Id": "{id}"}),
    "AWS::EC2::SecurityGroupIngress": ("sgr", {"Id": "{id}"}),
    # The local service starts the same tasks on every capacity.
    "AWS::ECS::ClusterCapacityProviderAssociations": ("capacity-providers", {}),
    "AWS::WAFv2::LoggingConfiguration": ("waf-logging", {}),
    "AWS::WAFv2::WebACLAssociation": ("waf-association", {}),
    "AWS::Logs::QueryDefinition": ("query", {"QueryDefinitionId": "{id}"}),
}


def recorded_types(folder: Path) -> dict[str, ResourceType]:
    """The recorded types; each resource is a JSON file in `folder`."""
    return {name: _recorded(folder, *about) for name, about in _TYPES.items()}


def recorded_alarms(folder: Path) -> ResourceType:
    """Alarms on several metrics: MiniStack evaluates only alarms on one."""
    return _recorded(folder, "alarm", {"Arn": "{id}"})


def _recorded(folder: Path, prefix: str, attributes: dict[str, str]) -> ResourceType:
    def save(physical_id: str, properties: Properties) -> tuple[str, Attributes]:
        folder.mkdir(parents=True, exist_ok=True)
        record: dict[str, Any] = {"id": physical_id, "properties": properties}
        (folder / f"{physical_id}.json").write_text(json.dumps(record, indent=1))
        known = {**properties, "id": physical_id}
        return physical_id, {name: text.format(**known) for name, text in attributes.items()}

    def create(_: str, properties: Properties, __: str) -> tuple[str, Attributes]:
        return save(f"{prefix}-{uuid.uuid4().hex[:17]}", properties)

    def update(
        physical_id: str, _: Properties, new: Properties, *__: object
    ) -> tuple[str, Attributes]:
        return save(physical_id, new)

    def delete(physical_id: str, _: Properties) -> None:
        (folder / f"{physical_id}.json").unlink(missing_ok=True)

    return ResourceType(create=create, update=update, delete=delete)
