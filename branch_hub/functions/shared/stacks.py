"""Stacks of an environment: their names and their tags must both match."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambda_src.shared.branch_suffix import has_suffix
from lambda_src.shared.drills import FAULTS_STACK
from lambda_src.shared.stack_tags import BRANCH_TAG, REPOSITORY_TAG

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

APPLICATION: Final = "transaction-pipeline"
APPLICATION_STACK: Final = "transaction"
PIPELINE_STACK: Final = "DeliveryPipeline"
STACKS: Final = (FAULTS_STACK, APPLICATION_STACK, PIPELINE_STACK)

_IN_PROGRESS: Final = "_IN_PROGRESS"
# The status of a stack whose first change set was never executed: nothing is in progress.
_NEVER_CREATED: Final = "REVIEW_IN_PROGRESS"
_HEALTHY: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


@dataclass(frozen=True, kw_only=True)
class DeployedStack:
    name: str
    arn: str
    status: str
    tags: Mapping[str, str]
    changed_at: datetime
    is_termination_protected: bool

    @property
    def is_in_progress(self) -> bool:
        return self.status.endswith(_IN_PROGRESS) and self.status != _NEVER_CREATED

    @property
    def is_half_deleted(self) -> bool:
        return self.status == "DELETE_FAILED"

    @property
    def serves(self) -> bool:
        """Whether it is deployed or being changed. A stack whose creation failed is not."""
        return self.status in _HEALTHY or (
            self.is_in_progress and not self.status.startswith(("DELETE", "ROLLBACK"))
        )


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The stacks of one suffix. `foreign_stacks` have its name or tags, and belong to others."""

    suffix: str
    pipeline: DeployedStack | None = None
    application: DeployedStack | None = None
    faults: DeployedStack | None = None
    foreign_stacks: tuple[str, ...] = field(default=())  # each with the reason, for people

    @property
    def stacks(self) -> tuple[DeployedStack, ...]:
        """In the order of deletion: the pipeline last, because it deploys the others."""
        found = (self.faults, self.application, self.pipeline)
        return tuple(stack for stack in found if stack is not None)

    @property
    def branch(self) -> str | None:
        """The branch in the tags of its stacks; None: no tag, or one of another suffix."""
        tagged = (stack.tags.get(BRANCH_TAG, "") for stack in self.stacks)
        return next((branch for branch in tagged if has_suffix(branch, self.suffix)), None)

    @property
    def is_half_deleted(self) -> bool:
        return any(stack.is_half_deleted for stack in self.stacks)

    @property
    def changed_at(self) -> datetime | None:
        return max((stack.changed_at for stack in self.stacks), default=None)


def stack_names(suffix: str) -> tuple[str, str, str]:
    """In the order of deletion."""
    faults, application, pipeline = (f"{base}-{suffix}" for base in STACKS)
    return faults, application, pipeline


class StackFinder:
    """Needs `cloudformation:DescribeStacks`. Stacks of another `repository` are foreign_stacks."""

    def __init__(self, *, cloudformation: "CloudFormationClient", repository: str) -> None:
        self._cloudformation = cloudformation
        self._repository = repository

    def named(self, name: str) -> DeployedStack | None:
        try:
            answer = self._cloudformation.describe_stacks(StackName=name)
        except ClientError as error:
            if _is_missing(error, name):
                return None
            raise
        return next(_living(answer["Stacks"]), None)

    def environment(self, suffix: str) -> Environment:
        """Look up its stacks by name; a stack that only has the tags is not found."""
        found = (self.named(name) for name in stack_names(suffix))
        return self._put_together(suffix, [stack for stack in found if stack is not None])

    def environments(self) -> dict[str, Environment]:
        """Every environment of the account, by suffix, in order; over all pages."""
        by_suffix: dict[str, list[DeployedStack]] = {}
        for stack in self.all():
            for suffix in _suffixes_of(stack):
                by_suffix.setdefault(suffix, []).append(stack)
        return {
            suffix: self._put_together(suffix, stacks)
            for suffix, stacks in sorted(by_suffix.items())
        }

    def all(self) -> Iterator[DeployedStack]:
        for page in self._cloudformation.get_paginator("describe_stacks").paginate():
            yield from _living(page["Stacks"])

    def why_not_ours(self, stack: DeployedStack, suffix: str) -> str | None:
        """Return the reason; None: name and tags are those of `suffix`."""
        if stack.name not in stack_names(suffix):
            return f"has the tags of {suffix} and not the name of one of its stacks"
        wanted = {"application": APPLICATION, "environment-suffix": suffix}
        if any(stack.tags.get(key) != value for key, value in wanted.items()):
            return f"is named like a stack of {suffix} and has not its tags"
        if stack.tags.get(REPOSITORY_TAG, self._repository) != self._repository:
            return f"belongs to repository {stack.tags[REPOSITORY_TAG]}"
        return None

    def _put_together(self, suffix: str, stacks: Iterable[DeployedStack]) -> Environment:
        ours: dict[str, DeployedStack] = {}
        foreign_stacks = []
        for stack in stacks:
            reason = self.why_not_ours(stack, suffix)
            if reason is None:
                ours[stack.name] = stack
            else:
                foreign_stacks.append(f"{stack.name} {reason}")
        faults, application, pipeline = stack_names(suffix)
        return Environment(
            suffix=suffix,
            faults=ours.get(faults),
            application=ours.get(application),
            pipeline=ours.get(pipeline),
            foreign_stacks=tuple(foreign_stacks),
        )


def _suffixes_of(stack: DeployedStack) -> set[str]:
    """The suffixes in its tags and in its name."""
    found = set()
    if stack.tags.get("application") == APPLICATION and "environment-suffix" in stack.tags:
        found.add(stack.tags["environment-suffix"])
    for base in STACKS:
        if stack.name.startswith(f"{base}-"):
            found.add(stack.name.removeprefix(f"{base}-"))
    return found


def _living(stacks: Iterable[Any]) -> Iterator[DeployedStack]:
    for stack in stacks:
        if stack["StackStatus"] != "DELETE_COMPLETE":
            yield DeployedStack(
                name=stack["StackName"],
                arn=stack["StackId"],
                status=stack["StackStatus"],
                tags={tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])},
                changed_at=stack.get("LastUpdatedTime", stack["CreationTime"]).astimezone(UTC),
                is_termination_protected=stack.get("EnableTerminationProtection", False),
            )


def _is_missing(error: ClientError, name: str) -> bool:
    """CloudFormation has no error code for a stack that does not exist."""
    found = error.response["Error"]
    return found["Code"] == "ValidationError" and found["Message"].endswith(
        f"Stack with id {name} does not exist"
    )
