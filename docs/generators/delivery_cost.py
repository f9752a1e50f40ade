"""The part of docs/cost.md about delivery: pipelines, their builds, the hub, and ten branches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from docs.generators import cost

Template = Mapping[str, Any]

# List prices of us-east-1 in US dollars, without free tiers. The page names the sources.
ACTION_MINUTE: Final = 0.002  # CodePipeline V2, each action but approvals, rounded up
BUILD_MINUTE: Final = {
    "BUILD_GENERAL1_SMALL": 0.005,
    "BUILD_GENERAL1_MEDIUM": 0.01,
    "BUILD_GENERAL1_LARGE": 0.02,
}

# Minutes of an action in the run of a later push, estimated as in docs/delivery.md.
MINUTES: Final = {
    "Source": 0.5,
    "Synth": 6,
    "SelfMutate": 1.5,
    "FileAssets": 2,
    "DockerAssets": 3,
    "Deploy": 3,
    "IntegrationTests": 3,
}
CREATE_MINUTES: Final = 4  # of the hub's build that deploys a new pipeline
FIRST_DEPLOYMENT_MINUTES: Final = 14  # instead of `Deploy` above

# The rows of docs/generators/cost.py that every stack has.
STANDING: Final = ("key and secrets", "alarms, dashboard, logs")
BRANCHES: Final = 10
DAYS: Final = 30
PUSHES: Final = (0, 5)  # a day, to each branch
ARTIFACTS_GB: Final = 0.1  # of a run: the source, the assembly, the cache of downloads
LOGS_GB: Final = 0.02  # of a run's builds
RECONCILER_SECONDS: Final = 10 * 730  # of a month; its functions have half a GB


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action of a pipeline in a run. `compute` is empty if it is no build."""

    stage: str
    name: str
    minutes: int
    compute: str

    @property
    def pipeline_cost(self) -> float:
        return self.minutes * ACTION_MINUTE

    @property
    def build_cost(self) -> float:
        return self.minutes * BUILD_MINUTE[self.compute] if self.compute else 0


def actions_of(pipeline: Template) -> Iterator[Action]:
    """Yield the actions in their order. KeyError for an action without an estimate."""
    resources = pipeline["Resources"]
    for stage in _one(pipeline, "AWS::CodePipeline::Pipeline")["Stages"]:
        for action in stage["Actions"]:
            compute = ""
            if action["ActionTypeId"]["Provider"] == "CodeBuild":
                project = resources[action["Configuration"]["ProjectName"]["Ref"]]["Properties"]
                compute = project["Environment"]["ComputeType"]
            yield Action(
                stage=stage["Name"],
                name=action["Name"].rpartition(".")[2],
                minutes=ceil(MINUTES[action["Name"].rpartition(".")[2]]),
                compute=compute,
            )


def idle(stack: Template) -> float:
    """What a month of a stack costs while nothing runs: keys, secrets, alarms."""
    quiet = cost.Load(name="quiet", transactions_per_second=0, acu=0)
    return sum(cost.SERVICES[service](stack, quiet) for service in STANDING)


def section(environment: Template, pipeline: Template, hub: Template) -> str:
    """Return the text for the templates of a branch."""
    actions = list(actions_of(pipeline))
    builds, steps = sum(a.build_cost for a in actions), sum(a.pipeline_cost for a in actions)
    hub_month = idle(hub) + RECONCILER_SECONDS / 2 * cost.LAMBDA_GB_SECOND
    lines = [
        "",
        "# What delivery costs",
        "",
        "## One run of a branch's pipeline",
        "",
        "| stage | action | minutes (estimated) | compute | CodeBuild | CodePipeline |",
        "|---|---|---:|---|---:|---:|",
        *(
            f"| {a.stage} | {a.name} | {a.minutes} | {_size(a)} "
            f"| {a.build_cost:.3f} | {a.pipeline_cost:.3f} |"
            for a in actions
        ),
        f"| **together** | | {sum(a.minutes for a in actions)} "
        f"| | **{builds:.2f}** | **{steps:.2f}** |",
        "",
        f"## {BRANCHES} idle branches, a month",
        "",
        "| | " + " | ".join(f"{n} pushes a day to each" for n in PUSHES) + " |",
        "|---|" + "---:|" * len(PUSHES),
    ]
    rows = {
        "environments, idle": [BRANCHES * _month(environment)] * len(PUSHES),
        "pipelines: keys, secrets, alarms": [BRANCHES * idle(pipeline)] * len(PUSHES),
        "builds (CodeBuild)": [_runs(n) * builds for n in PUSHES],
        "actions (CodePipeline V2)": [_runs(n) * steps for n in PUSHES],
        "artifacts of 30 days (S3)": [_runs(n) * ARTIFACTS_GB * cost.S3_GB_MONTH for n in PUSHES],
        "logs of builds": [_runs(n) * LOGS_GB * cost.LOGS_GB for n in PUSHES],
        "the hub": [hub_month] * len(PUSHES),
    }
    lines += [f"| {name} | " + " | ".join(map(_dollars, row)) + " |" for name, row in rows.items()]
    totals = [sum(column) for column in zip(*rows.values(), strict=True)]
    lines.append("| **together** | " + " | ".join(f"**{_dollars(t)}**" for t in totals) + " |")
    return "\n".join([*lines, "", _explanation(environment, pipeline, hub)])


def _one(stack: Template, kind: str) -> dict[str, Any]:
    (found,) = (r["Properties"] for r in stack["Resources"].values() if r["Type"] == kind)
    return dict(found)


def _runs(pushes_a_day: int) -> int:
    return BRANCHES * pushes_a_day * DAYS


def _month(environment: Template) -> float:
    return sum(reckon(environment, cost.IDLE) for reckon in cost.SERVICES.values())


def _size(action: Action) -> str:
    return action.compute.removeprefix("BUILD_").lower().replace("general1_", "general1.")


def _dollars(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 1 or amount == 0 else f"{amount:,.2f}"


def _explanation(environment: Template, pipeline: Template, hub: Template) -> str:
    actions = list(actions_of(pipeline))
    run = sum(a.build_cost + a.pipeline_cost for a in actions)
    hubs_build = _one(hub, "AWS::CodeBuild::Project")["Environment"]["ComputeType"]
    create = CREATE_MINUTES * BUILD_MINUTE[hubs_build]
    longer = (FIRST_DEPLOYMENT_MINUTES - MINUTES["Deploy"]) * ACTION_MINUTE
    small, medium = (BUILD_MINUTE[f"BUILD_GENERAL1_{size}"] for size in ("SMALL", "MEDIUM"))
    branch, quiet = _month(environment), idle(pipeline)
    return f"""\
* A branch to which nobody pushes costs {branch + quiet:,.0f} a month: {branch:,.0f} for its
  environment, {quiet:,.2f} for its pipeline. Deleting branches saves most; `lifetimeDays` deletes
  the environment of a branch without pushes.
* A push costs {run:.2f}. Creating a branch costs {create + run + longer:.2f} once: the hub's build,
  and a first run with a longer deployment.

Prices: [CodePipeline](https://aws.amazon.com/codepipeline/pricing/) V2, {ACTION_MINUTE} a minute of
an action, each rounded up; [CodeBuild](https://aws.amazon.com/codebuild/pricing/) on Linux x86,
{small} a minute of general1.small and {medium} of general1.medium
([quoted](https://c3x.dev/resources/aws/aws_codebuild_project/) in 2026, not read at AWS);
[S3](https://aws.amazon.com/s3/pricing/) {cost.S3_GB_MONTH} a GB and month; all others as above.

Assumed, not measured: the minutes of each action ([delivery.md](delivery.md) explains them);
{ARTIFACTS_GB} GB of artifacts and {LOGS_GB} GB of logs a run; {DAYS} days a month; the hub's
functions run ten seconds an hour. CodeBuild also rounds each build up to a minute.

Left out: free tiers,
failed and repeated runs, KMS requests, state transitions, notices, image storage.
"""
