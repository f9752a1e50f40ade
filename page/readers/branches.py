"""Branches with their environments: what is deployed, what the hub knows, and the last run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from page.account import Account
from page.cards import Subject
from page.readers.costs import Cost, cost_of
from page.readers.runs import Run, runs_of
from page.readers.stacks import Stack, pipelines, stacks

_TABLE_OUTPUT: Final = "BranchTableName"


@dataclass(frozen=True, kw_only=True)
class Branch:
    name: str
    suffix: str
    pipeline: str
    environments: tuple[Stack, ...]
    last_run: Run | None
    state: str  # as the hub has it
    expires_at: str  # empty: never
    doing: str  # what the hub does with it now, such as `wake`; empty: nothing
    asleep_since: str  # empty: awake
    asleep_until: str  # for people; empty: no schedule wakes it
    cause: str  # why the hub could not create or delete it

    @property
    def changes(self) -> bool:
        """A run is in progress, the hub is busy with it, or a stack is being changed."""
        runs = self.last_run is not None and self.last_run.is_live
        return (
            runs
            or self.doing != ""
            or any(e.state.endswith("_IN_PROGRESS") for e in self.environments)
        )


@dataclass(frozen=True, kw_only=True)
class PricedBranch:
    branch: Branch
    cost: Cost | None  # of all its environments together; None: it has none


def branches(account: Account) -> list[Branch]:
    """Those of a pipeline, of an environment without one, and those that only the hub knows."""
    return account.remember("branches", lambda: list(_branches(account)))


def priced_branches(account: Account, _: Subject) -> list[PricedBranch]:
    found = []
    for branch in branches(account):
        costs = [cost_of(account, environment.suffix) for environment in branch.environments]
        total = Cost(idle=sum(c.idle for c in costs), busy=sum(c.busy for c in costs))
        found.append(PricedBranch(branch=branch, cost=total if costs else None))
    return found


def _branches(account: Account) -> Iterator[Branch]:
    environments = {s.suffix: s for s in stacks(account) if s.is_environment}
    records = _records(account)
    for pipeline, stack in pipelines(account).items():
        own = environments.pop(stack.suffix, None)
        # The trunk's pipeline also deploys environments with suffixes of their own.
        promoted = [
            environments.pop(suffix)
            for suffix, other in list(environments.items())
            if own is None and other.branch == stack.branch and stack.branch
        ]
        last = next(iter(runs_of(account, pipeline)), None)
        yield _branch(
            stack.suffix,
            records.pop(stack.suffix, {}),
            name=stack.branch,
            pipeline=pipeline,
            environments=tuple([own] if own else promoted),
            last_run=last,
        )
    for suffix, environment in environments.items():
        record = records.pop(suffix, {})
        yield _branch(suffix, record, name=environment.branch, environments=(environment,))
    for suffix, record in records.items():
        yield _branch(suffix, record)


def _branch(
    suffix: str,
    record: Mapping[str, Any],
    *,
    name: str = "",
    pipeline: str = "",
    environments: tuple[Stack, ...] = (),
    last_run: Run | None = None,
) -> Branch:
    sleeping = record.get("sleeping") or {}
    return Branch(
        name=name or record.get("branch", ""),
        suffix=suffix,
        pipeline=pipeline,
        environments=environments,
        last_run=last_run,
        state=record.get("state", ""),
        expires_at=record.get("expires_at", ""),
        doing=record.get("lock_purpose", ""),
        asleep_since=sleeping.get("since", ""),
        asleep_until=sleeping.get("until") or "",
        cause=record.get("cause", ""),
    )


def _records(account: Account) -> dict[str, dict[str, Any]]:
    """The hub's records of environments, by suffix."""
    found = {}
    tables = [stack.outputs.get(_TABLE_OUTPUT) for stack in stacks(account) if stack.is_hub]
    for table in filter(None, tables):
        pages = account.dynamodb.get_paginator("scan").paginate(TableName=table)
        for page in pages:
            for item in page["Items"]:
                record = {name: _plain(value) for name, value in item.items()}
                if "state" in record:
                    found[record["suffix"]] = record
    return dict(sorted(found.items()))


def _plain(value: Mapping[str, Any]) -> Any:
    kind, inner = next(iter(value.items()))
    if kind == "M":
        return {name: _plain(part) for name, part in inner.items()}
    return None if kind == "NULL" else inner
