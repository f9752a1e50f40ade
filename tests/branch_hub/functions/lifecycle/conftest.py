"""A hub of its own for each test: a real table, real stacks and executions, a git host."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from branch_hub.events import BranchEvent, Reason
from branch_hub.functions.lifecycle.requests import carry_out
from branch_hub.functions.shared.account_room import AccountSurvey
from branch_hub.functions.shared.drills import Drills
from branch_hub.functions.shared.executions import Executions
from branch_hub.functions.shared.lifecycle_context import LifecycleContext
from branch_hub.functions.shared.pipeline_runs import PipelineRuns
from branch_hub.functions.shared.policy import BranchPolicy
from branch_hub.functions.shared.quota import Quota
from branch_hub.functions.shared.records import EnvironmentRecord
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.stacks import StackFinder
from branch_hub.git_hosts.github import GitHubHost
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import Account, tags_of
from tests.branch_hub.functions.quotas import FakeQuotas
from tests.branch_hub.git_server import REPOSITORY, GitServer

LIFETIME = timedelta(days=14)
COMMITTED = "2026-11-22T03:00:00Z"


class FakeRuns:
    """In the place of CodePipeline, or of FIS: suffixes with a run, or with an experiment."""

    def __init__(self) -> None:
        self.running: set[str] = set()

    def is_running(self, suffix: str) -> bool:
        return suffix in self.running


class Hub:
    def __init__(self, account: Account, git: GitServer) -> None:
        self.account = account
        self.git = git
        git.branches["main"] = COMMITTED  # a repository has one
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.table = account.create_table()
        self.registry = Registry(table=account.table(self.table))
        self.quota = Quota(table=account.table(self.table), limit=2)
        self.trunk = "main"
        # By default no quota of the account limits anything.
        self.quotas = FakeQuotas(account)
        self.needed: dict[str, float] = {}
        self.trunk_needs: dict[str, float] = {}
        self._running: list[str] = []
        self.runs, self.drills = FakeRuns(), FakeRuns()
        self.sleeps_until: str | None = None

    @property
    def context(self) -> LifecycleContext:
        return LifecycleContext(
            repository=REPOSITORY,
            host=GitHubHost(api_url=self.git.url, repository=REPOSITORY, token=str),
            policy=BranchPolicy(trunk=self.trunk, protected=("release/*",)),
            registry=self.registry,
            quota=self.quota,
            account=AccountSurvey(
                client=self.quotas.client, needed=self.needed, trunk={"staging": self.trunk_needs}
            ),
            executions=Executions(stepfunctions=self.account.client("stepfunctions")),
            stacks=StackFinder(
                cloudformation=self.account.client("cloudformation"), repository=REPOSITORY
            ),
            runs=cast(PipelineRuns, self.runs),
            drills=cast(Drills, self.drills),
            lifetime=LIFETIME,
            now=lambda: self.now,
            sleeps_until=self.sleeps_until,
        )

    def branch(self, base: str = "feature/x", *, is_live: bool = True) -> str:
        """A branch that no other test has."""
        name = self.account.name(base)
        if is_live:
            self.git.branches[name] = COMMITTED
        return name

    def execution(self) -> str:
        arn = self.account.start_execution()
        self._running.append(arn)
        return arn

    def end(self, execution: str) -> None:
        self._running.remove(execution)
        self.account.stop_execution(execution)

    def end_all(self) -> None:
        for execution in list(self._running):
            self.end(execution)

    def deploy_pipeline(
        self, branch: str, *, tags: Mapping[str, str] | None = None, **more: Any
    ) -> str:
        suffix = suffix_of_branch(branch)
        name = f"DeliveryPipeline-{suffix}"
        self.account.deploy(name, tags=tags_of(suffix, **(tags or {})), **more)
        return name

    def record(self, branch: str) -> EnvironmentRecord | None:
        return self.registry.get(suffix_of_branch(branch))

    def known(self, branch: str) -> EnvironmentRecord:
        record = self.record(branch)
        assert record is not None
        return record

    def admit(self, branch: str, execution: str, /, **detail: Any) -> dict[str, Any]:
        return self.ask("admit", branch, Reason.PUSHED, execution, detail)

    def claim(
        self, branch: str, execution: str, reason: Reason = Reason.DELETED, /, **detail: Any
    ) -> dict[str, Any]:
        return self.ask("claim", branch, reason, execution, detail)

    def ask(
        self, action: str, branch: str, reason: Reason, execution: str, detail: dict[str, Any]
    ) -> dict[str, Any]:
        event = BranchEvent.of_branch(
            event_id="e",
            repository=REPOSITORY,
            branch=branch,
            reason=reason,
            occurred_at=self.now,
            commit=None if reason is not Reason.PUSHED else "c0ffee",
        )
        request = {"action": action, "detail": {**event.to_detail(), **detail}}
        return carry_out({**request, "execution": execution}, context=self.context)

    def settle(
        self,
        branch: str,
        execution: str,
        *,
        succeeded: bool,
        cause: str = "",
        verdict: str | None = "accepted",
    ) -> dict[str, Any]:
        exported = [] if verdict is None else [{"Name": "VERDICT", "Value": verdict}]
        return self.carry_out(
            action="settle",
            build={"Build": {"ExportedEnvironmentVariables": exported}},
            suffix=suffix_of_branch(branch),
            branch=branch,
            execution=execution,
            succeeded=succeeded,
            cause=cause,
        )

    def forget(self, branch: str, execution: str, /, **more: Any) -> dict[str, Any]:
        fields = {"reason": "deleted", "removed": [], "branch": branch, **more}
        return self.carry_out(
            action="forget", suffix=suffix_of_branch(branch), execution=execution, **fields
        )

    def carry_out(self, **request: Any) -> dict[str, Any]:
        return carry_out(request, context=self.context)


@pytest.fixture
def hub(account: Account, git: GitServer) -> Iterator[Hub]:
    made = Hub(account, git)
    yield made
    made.end_all()
