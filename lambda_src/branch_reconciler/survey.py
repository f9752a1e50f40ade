"""How things stand: live branches, deployed stacks and what the registry knows, in a few calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lambda_src.branch_suffix import InvalidBranch, suffix_of_branch
from lambda_src.branches.host import BranchHost, live_branches
from lambda_src.branches.records import EnvironmentRecord
from lambda_src.branches.registry import Registry
from lambda_src.branches.stacks import Environment, StackFinder


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Of one suffix. `is_live`: its branch is there. `sharers`: all that are there and have it."""

    suffix: str
    branch: str | None
    is_live: bool
    environment: Environment
    record: EnvironmentRecord | None
    sharers: tuple[str, ...] = ()

    @property
    def since(self) -> datetime | None:
        return self.record.created_at if self.record is not None else self.environment.changed_at


def survey(*, host: BranchHost, stacks: StackFinder, registry: Registry) -> list[Standing]:
    """One standing for each suffix that has a branch, a stack or a record, in order.

    Raises HostUnavailable, also when there is no branch at all: a repository has one.
    """
    live = _live(host)
    environments = stacks.environments()
    records = {record.suffix: record for record in registry.all()}
    return [
        _standing(
            environments.get(suffix, Environment(suffix=suffix)),
            records.get(suffix),
            tuple(sorted(live.get(suffix, ()))),
        )
        for suffix in sorted({*live, *environments, *records})
    ]


def _standing(
    environment: Environment, record: EnvironmentRecord | None, sharers: tuple[str, ...]
) -> Standing:
    """Whose it is, the registry says, else its stacks; else it is that of the branch there is."""
    owner = (record.branch if record is not None else None) or environment.branch
    branch = owner or next(iter(sharers), None)
    return Standing(
        suffix=environment.suffix,
        branch=branch,
        is_live=branch in sharers,
        environment=environment,
        record=record,
        sharers=sharers,
    )


def _live(host: BranchHost) -> Mapping[str, set[str]]:
    live: dict[str, set[str]] = {}
    for branch in live_branches(host):
        try:
            live.setdefault(suffix_of_branch(branch), set()).add(branch)
        except InvalidBranch:
            continue  # it can have no environment
    return live
