"""Text of docs/first-deployment.md: the time line of S66.

CloudFormation creates a resource as soon as its dependencies exist, so a deployment takes as long
as the longest chain in the template. The times of each kind of resource are estimates: none was
measured on AWS.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from checks.environment_template import ROOT

PAGE: Final = ROOT / "docs" / "first-deployment.md"
LIMIT_SECONDS: Final = 15 * 60
CHANGE_SET_SECONDS: Final = 30
Template = Mapping[str, Any]

ANYTHING_ELSE_SECONDS: Final = 10


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The creation time of a kind of resource, estimated on the long side, and the reason."""

    seconds: int
    why: str


ESTIMATES: Final[Mapping[str, Estimate]] = {
    "AWS::RDS::DBCluster": Estimate(
        seconds=90, why="the endpoints and the storage volume; the instances come after"
    ),
    "AWS::RDS::DBInstance": Estimate(
        seconds=300, why="an instance of Aurora Serverless: usually 4 to 5 minutes"
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Estimate(
        seconds=180, why="until its nodes in both zones are active: 2 to 3 minutes"
    ),
    "AWS::EC2::NatGateway": Estimate(seconds=120, why="until it is available: 1 to 2 minutes"),
    "AWS::ECS::Service": Estimate(
        seconds=150,
        why="image pull and start 60 to 90 s, two health checks of 5 s (set), then stable; more: "
        "the time for which ECS watches the deployment's alarms",
    ),
    "AWS::Lambda::Function": Estimate(
        seconds=60, why="one in the VPC waits for its network interfaces"
    ),
    "AWS::IAM::Role": Estimate(seconds=20, why="until it is known everywhere"),
    "AWS::IAM::Policy": Estimate(seconds=20, why="until it is known everywhere"),
    "AWS::KMS::Key": Estimate(seconds=30, why="until it is known everywhere"),
    "Custom::Trigger": Estimate(
        seconds=60, why="cold start in the VPC, then the migrations (locally under a second)"
    ),
    "Custom::EnvironmentCertificate": Estimate(
        seconds=30, why="a cold start, the key, and the import into ACM"
    ),
    "AWS::Lambda::EventSourceMapping": Estimate(seconds=60, why="until it is enabled"),
    "AWS::EC2::InternetGateway": Estimate(seconds=20, why="with its attachment"),
    "AWS::DynamoDB::Table": Estimate(seconds=60, why="with its index and recovery"),
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """The creation of one resource, with its begin and end."""

    name: str
    kind: str
    begins: int
    ends: int


def longest_chain(template: Template) -> list[Step]:
    """The chain of resources that ends last; each begins when the previous one ends."""
    resources = template["Resources"]
    done: dict[str, tuple[int, str | None]] = {}

    def end_of(name: str) -> int:
        if name not in done:
            needed = sorted(needs(resources, name))
            last = max(needed, key=end_of, default=None)
            begins = end_of(last) if last is not None else CHANGE_SET_SECONDS
            done[name] = begins + seconds_of(resources, name), last
        return done[name][0]

    name: str | None = max(sorted(resources), key=end_of)
    chain = []
    while name is not None:
        ends, before = done[name]
        begins = ends - seconds_of(resources, name)
        chain.append(Step(name=name, kind=resources[name]["Type"], begins=begins, ends=ends))
        name = before
    return chain[::-1]


def seconds_of(resources: Mapping[str, Any], name: str) -> int:
    """The estimate for its kind; for a service also what the template's alarms add."""
    known = ESTIMATES.get(resources[name]["Type"])
    seconds = known.seconds if known is not None else ANYTHING_ELSE_SECONDS
    return seconds + watched_seconds(resources, name)


def watched_seconds(resources: Mapping[str, Any], name: str) -> int:
    """How long ECS watches the alarms of a deployment after its tasks are stable.

    ECS derives it from the alarms, and documents no formula. It is based on the evaluation time,
    of the longest alarm if there are several (https://github.com/aws/copilot-cli/pull/4294).
    """
    deployment = resources[name].get("Properties", {}).get("DeploymentConfiguration", {})
    watched = deployment.get("Alarms", {}).get("AlarmNames", [])
    return max(
        (
            alarm["Properties"]["EvaluationPeriods"] * _period_seconds(alarm["Properties"])
            for alarm in resources.values()
            if alarm["Type"] == "AWS::CloudWatch::Alarm"
            and alarm["Properties"]["AlarmName"] in watched
        ),
        default=0,
    )


def _period_seconds(alarm: Mapping[str, Any]) -> int:
    if "Period" in alarm:
        return int(alarm["Period"])
    return max(int(m["MetricStat"]["Period"]) for m in alarm["Metrics"] if "MetricStat" in m)


def needs(resources: Mapping[str, Any], name: str) -> set[str]:
    """The resources that CloudFormation completes before it creates `name`."""
    return {needed for needed in _references(resources[name]) if needed in resources} - {name}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        wanted = value.get("DependsOn", [])
        yield from [wanted] if isinstance(wanted, str) else wanted
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        if "Fn::GetAtt" in value:
            yield value["Fn::GetAtt"][0]
        if "Fn::Sub" in value:
            yield from re.findall(r"\$\{(\w+)", str(value["Fn::Sub"]))
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


def page(templates: Mapping[str, Template]) -> str:
    """The page, by kind of environment."""
    chains = {kind: longest_chain(template) for kind, template in templates.items()}
    lines = [
        "# A first deployment on AWS (S66: under 15 minutes)",
        "",
        "Written by `make docs` from the template: CloudFormation creates a",
        "resource as soon as its dependencies exist, so a deployment takes as long as its longest",
        "chain. The times are estimates, on the long side; **none was measured on AWS**. Tests",
        "fail when slow resources wait for each other without need; the sum is a calculation.",
        "",
        "| environment | longest chain | left of 15 minutes |",
        "|---|---|---|",
    ]
    for kind, chain in chains.items():
        total = chain[-1].ends
        lines.append(f"| {kind} | {_clock(total)} | {_clock(LIMIT_SECONDS - total)} |")
    kind, chain = next(iter(chains.items()))
    lines += ["", f"## The longest chain ({kind})", "", "| from | to | resource |", "|---|---|---|"]
    change_set = "the change set (a branch's own environment has none)"
    lines.append(f"| 0:00 | {_clock(CHANGE_SET_SECONDS)} | {change_set} |")
    lines += [f"| {_clock(s.begins)} | {_clock(s.ends)} | {s.kind} `{s.name}` |" for s in chain]
    lines += [
        "",
        "A branch's database instances are created side by side, and the migration waits for both.",
        "Those of staging and production are created, and updated, one after the other: nothing",
        "waits for the second, so the chain is no longer. The service starts with one task; the",
        "scalable target starts the others afterwards.",
        "",
        "## Estimated time of each kind of resource",
        "",
        "| kind | seconds | why |",
        "|---|---|---|",
        *(
            f"| {kind} | {estimate.seconds} | {estimate.why} |"
            for kind, estimate in sorted(ESTIMATES.items())
        ),
        f"| anything else | {ANYTHING_ELSE_SECONDS} | |",
    ]
    return "\n".join(lines) + "\n"


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"
