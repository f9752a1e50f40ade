"""Draws docs/architecture.svg from the template of an environment.

What there is, and every arrow, is read from the template: network rules, queues and what they
feed, and what each role may write to. Only the places on the sheet are chosen here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from checks.environment_template import ROOT, SUFFIX
from docs.generators.svg import arrow, frame, rectangle, sheet, text

PICTURE: Final = ROOT / "docs" / "architecture.svg"
WIDTH, HEIGHT = 1180, 690

Template = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Box:
    """One thing on the sheet."""

    x: int
    y: int
    width: int = 190
    height: int = 52
    colour: str = "#e8eef7"

    @property
    def centre(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2


_LAMBDA, _DATA, _DOOR = "#fdebd9", "#e3f1e3", "#efe6f6"
# By physical name, without the suffix. A resource that is not here and has an arrow fails the run.
PLACES: Final = {
    "clients": Box(x=20, y=130, width=110),
    "transaction-alb": Box(x=330, y=100, width=280, colour=_DOOR),
    "transaction-service": Box(x=330, y=232, width=280),
    "schema-migrator": Box(x=190, y=340, width=180, colour=_LAMBDA),
    "transaction-processor": Box(x=550, y=340, width=200, colour=_LAMBDA),
    "transaction-db": Box(x=330, y=492, width=280, colour=_DATA),
    "transaction-sessions": Box(x=850, y=100, colour=_DATA, width=290),
    "audit-queue": Box(x=850, y=206, width=290),
    "audit-dead-letters": Box(x=1000, y=284, width=140, height=40),
    "audit-writer": Box(x=850, y=284, width=130, height=40, colour=_LAMBDA),
    "transaction-audit": Box(x=850, y=352, width=290, colour=_DATA),
    "transaction-queue": Box(x=850, y=428, width=290),
    "transaction-dead-letters": Box(x=960, y=496, width=190, height=40),
    "transaction-breaker": Box(x=850, y=550, width=180, height=40, colour=_DATA),
}
_GROUPS: Final = {  # what uses a security group, where the group is called otherwise
    "load-balancer": "transaction-alb",
    "tasks": "transaction-service",
    "processor": "transaction-processor",
    "migrator": "schema-migrator",
    "database": "transaction-db",
}
_WRITES: Final = {
    "dynamodb:PutItem": "items",
    "s3:PutObject": "once each",
    "sqs:SendMessage": "",
}
_NAMES: Final = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::EC2::SecurityGroup": "GroupName",
}


def draw(template: Template) -> str:
    """Return the picture. KeyError for a thing with an arrow that has no place."""
    shapes = [
        *_frames(template),
        *(_arrow(*edge) for edge in sorted(set(edges(template)))),
        *(_box(name, box, _details(template).get(name, "")) for name, box in PLACES.items()),
        text(20, HEIGHT - 34, _beside(template), size=12),
        text(
            20,
            HEIGHT - 14,
            "Drawn by docs/generators/architecture.py from the template of one environment.",
            size=11,
            colour="#777",
        ),
    ]
    return sheet(WIDTH, HEIGHT, shapes)


def edges(template: Template) -> Iterator[tuple[str, str, str]]:
    """Every (from, to, label) that the template says."""
    resources = template["Resources"]
    for resource in resources.values():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::EC2::SecurityGroup":
                for rule in properties.get("SecurityGroupIngress", []):
                    yield "clients", _GROUPS[_group(properties)], f"HTTPS {rule['FromPort']}"
            case "AWS::EC2::SecurityGroupIngress":
                source, target = (
                    _GROUPS[_group(resources[properties[key]["Fn::GetAtt"][0]]["Properties"])]
                    for key in ("SourceSecurityGroupId", "GroupId")
                )
                yield source, target, f"TLS {properties['FromPort']}"
            case "AWS::Lambda::EventSourceMapping":
                queue = _name(resources, properties["EventSourceArn"])
                yield queue, _name(resources, properties["FunctionName"]), "feeds"
            case "AWS::SQS::Queue" if "RedrivePolicy" in properties:
                dead = _name(resources, properties["RedrivePolicy"]["deadLetterTargetArn"])
                yield _plain(properties["QueueName"]), dead, ""
            case "AWS::IAM::Policy":
                yield from _writes(resources, properties)


def _writes(resources: dict[str, Any], policy: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    role = resources[policy["Roles"][0]["Ref"]]["Properties"].get("RoleName", "")
    actor = role.removesuffix(f"-role-{SUFFIX}")
    for statement in policy["PolicyDocument"]["Statement"]:
        for action in set(_as_list(statement["Action"])) & _WRITES.keys():
            for resource in _as_list(statement["Resource"]):
                target = _name(resources, resource)
                # A function that buries messages itself adds no second arrow to its dead letters.
                if not target.endswith("dead-letters"):
                    yield actor, target, _WRITES[action]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(resources: dict[str, Any], reference: dict[str, Any]) -> str:
    """The plain name of the resource that `reference` is an ARN, a part or a name of."""
    (logical_id,) = set(
        re.findall(r"'(?:Ref|Fn::GetAtt)': \[?'(\w+)'", str(reference)) or ["missing"]
    )
    resource = resources[logical_id]
    return _plain(resource["Properties"][_NAMES[resource["Type"]]])


def _group(properties: dict[str, Any]) -> str:
    return _plain(properties["GroupName"]).removesuffix("-sg")


def _plain(name: str | dict[str, Any]) -> str:
    plain = name if isinstance(name, str) else str(name["Fn::Join"][1][0])
    return plain.removesuffix(f"-{SUFFIX}").removesuffix("-")


def _all(template: Template, kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def _details(template: Template) -> dict[str, str]:
    (cluster,) = _all(template, "AWS::RDS::DBCluster")
    (scaling,) = _all(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    capacity = cluster["ServerlessV2ScalingConfiguration"]
    functions = {
        _plain(f["FunctionName"]): f"Lambda, {f['MemorySize']} MiB"
        for f in _all(template, "AWS::Lambda::Function")
        if isinstance(f.get("FunctionName"), str) and "MemorySize" in f
    }
    return {
        **functions,
        **{_plain(q["QueueName"]): "SQS" for q in _all(template, "AWS::SQS::Queue")},
        "transaction-alb": "Application Load Balancer",
        "transaction-service": f"ECS Fargate, {scaling['MinCapacity']} to "
        f"{scaling['MaxCapacity']} tasks over both zones",
        "transaction-db": f"Aurora PostgreSQL {cluster['EngineVersion']}, writer and reader, "
        f"{capacity['MinCapacity']:g}-{capacity['MaxCapacity']:g} ACU",
        "transaction-sessions": "DynamoDB, on demand",
        "transaction-breaker": "DynamoDB",
        "transaction-audit": "S3, versioned, written once",
    }


def _frames(template: Template) -> Iterator[str]:
    gateways = len(_all(template, "AWS::EC2::NatGateway"))
    yield _frame(Box(x=160, y=40, width=620, height=560), "VPC over two zones", "#999")
    for y, height, title in (
        (72, 100, f"public subnets, {gateways} NAT gateway" + "s" * (gateways > 1)),
        (200, 212, "private subnets: a way out, none in"),
        (462, 104, "isolated subnets: no way out"),
    ):
        yield _frame(Box(x=172, y=y, width=596, height=height), title, "#bcd")
    yield _frame(Box(x=820, y=40, width=340, height=560), "Managed, reached over TLS", "#999")


def _beside(template: Template) -> str:
    """Names what has no box. Without numbers: an alarm more is no change of the architecture."""
    others = (
        ("a KMS key", "AWS::KMS::Key"),
        ("secrets", "AWS::SecretsManager::Secret"),
        ("log groups", "AWS::Logs::LogGroup"),
        ("alarms", "AWS::CloudWatch::Alarm"),
        ("topics", "AWS::SNS::Topic"),
        ("a dashboard", "AWS::CloudWatch::Dashboard"),
        ("roles", "AWS::IAM::Role"),
    )
    return f"Not shown: {', '.join(name for name, kind in others if _all(template, kind))}."


def _frame(box: Box, title: str, colour: str) -> str:
    lines = frame(box.x, box.y, box.width, box.height, colour=colour)
    return lines + text(box.x + 8, box.y + 16, title, size=11)


def _box(name: str, box: Box, detail: str) -> str:
    x, y = box.centre
    lines = [text(x, y - 3 if detail else y + 5, name, size=13, anchor="middle", weight="bold")]
    if detail:
        lines.append(text(x, y + 14, detail, size=10, anchor="middle"))
    outline = rectangle(box.x, box.y, box.width, box.height, colour=box.colour)
    return outline + "".join(lines)


def _arrow(source: str, target: str, label: str) -> str:
    one, other = PLACES[source], PLACES[target]
    (x1, y1), (x2, y2) = _edge_of(one, other.centre), _edge_of(other, one.centre)
    line = arrow((x1, y1), (x2, y2))
    if not label:
        return line
    return line + text((x1 + x2) // 2 + 4, (y1 + y2) // 2 - 4, label, size=10, colour="#345")


def _edge_of(box: Box, towards: tuple[int, int]) -> tuple[int, int]:
    """Where the line from the middle of `box` towards a point leaves it."""
    x, y = box.centre
    dx, dy = towards[0] - x, towards[1] - y
    scale = min(
        box.width / 2 / abs(dx) if dx else float("inf"),
        box.height / 2 / abs(dy) if dy else float("inf"),
    )
    return round(x + dx * scale), round(y + dy * scale)
