"""Collects live branches, deployed stacks and the registry's records in a few calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from branch_hub.functions.shared.records import EnvironmentRecord
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.stacks import Environment, StackFinder
from branch_hub.git_hosts.git_host import GitHost, live_branches
from lambda_src.shared.branch_suffix import InvalidBranch, suffix_of_branch


@dataclass(frozen=True, kw_only=True)
class EnvironmentStatus:
    """The status of one suffix. `is_live`: its branch exists."""

    suffix: str
    branch: str | None
    is_live: bool
    environment: Environment
    record: EnvironmentRecord | None

    @property
    def since(self) -> datetime | None:
        return self.record.created_at if self.record is not None else self.environment.changed_at


def survey(*, host: GitHost, stacks: StackFinder, registry: Registry) -> list[EnvironmentStatus]:
    """Return one status for each suffix that has a branch, a stack or a record, in order.

    Raises HostUnavailable, also if the host lists no branch.
    """
    live = _live(host)
    environments = stacks.environments()
    records = {record.suffix: record for record in registry.all()}
    return [
        _status(
            environments.get(suffix, Environment(suffix=suffix)),
            records.get(suffix),
            live.get(suffix, set()),
        )
        for suffix in sorted({*live, *environments, *records})
    ]


def _status(
    environment: Environment, record: EnvironmentRecord | None, live: set[str]
) -> EnvironmentStatus:
    """The owner is in the registry, or in the tags of the stacks; otherwise it is a live branch."""
    owner = (record.branch if record is not None else None) or environment.branch
    branch = owner or min(live, default=None)
    return EnvironmentStatus(
        suffix=environment.suffix,
        branch=branch,
        is_live=branch in live,
        environment=environment,
        record=record,
    )


def _live(host: GitHost) -> Mapping[str, set[str]]:
    live: dict[str, set[str]] = {}
    for branch in live_branches(host):
        try:
            live.setdefault(suffix_of_branch(branch), set()).add(branch)
        except InvalidBranch:
            continue  # a name that can have no environment
    return live
