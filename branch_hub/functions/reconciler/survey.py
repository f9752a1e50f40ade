"""How things stand: live branches, deployed stacks and what the registry knows, in a few calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from branch_hub.functions.shared.records import EnvironmentRecord
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.stacks import Environment, StackFinder
from branch_hub.git_hosts.git_host import BranchHost, live_branches
from lambda_src.shared.branch_suffix import InvalidBranch, suffix_of_branch


@dataclass(frozen=True, kw_only=True)
class EnvironmentStatus:
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


def survey(*, host: BranchHost, stacks: StackFinder, registry: Registry) -> list[EnvironmentStatus]:
    """One status for each suffix that has a branch, a stack or a record, in order.

    Raises HostUnavailable, also when there is no branch at all: a repository has one.
    """
    live = _live(host)
    environments = stacks.environments()
    records = {record.suffix: record for record in registry.all()}
    return [
        _status(
            environments.get(suffix, Environment(suffix=suffix)),
            records.get(suffix),
            tuple(sorted(live.get(suffix, ()))),
        )
        for suffix in sorted({*live, *environments, *records})
    ]


def _status(
    environment: Environment, record: EnvironmentRecord | None, sharers: tuple[str, ...]
) -> EnvironmentStatus:
    """Whose it is, the registry says, else its stacks; else it is that of the branch there is."""
    owner = (record.branch if record is not None else None) or environment.branch
    branch = owner or next(iter(sharers), None)
    return EnvironmentStatus(
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
