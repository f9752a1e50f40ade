"""B2: the reconciler over a real table, real stacks, a real bus and topic."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest

from branch_hub.events import Reason
from branch_hub.functions.reconciler import entrypoint
from branch_hub.functions.reconciler.reconciler import InvalidRequest
from branch_hub.functions.shared.records import Purpose, State
from branch_hub.functions.shared.registry import Registry
from branch_hub.git_hosts.git_host import HostUnavailable
from branch_hub.moments import as_text
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import Account, tags_of
from tests.branch_hub.functions.reconciler.hub import Hub
from tests.branch_hub.git_server import GitServer


@pytest.fixture
def hub(account: Account, git: GitServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub(account, git)
    git.branches["main"] = as_text(made.now)
    for variable, value in made.settings.to_env().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "client", lambda service, **_: account.client(service))
    monkeypatch.setattr(boto3, "resource", lambda service, **_: account.resource(service))
    entrypoint._reconciler.cache_clear()
    yield made
    entrypoint._reconciler.cache_clear()


def test_b2_a_plan_changes_nothing_until_it_is_applied(hub: Hub) -> None:
    orphan, missed, expiring = hub.branch(is_live=False), hub.branch(), hub.branch()
    for branch in (orphan, expiring):
        hub.account.deploy_environment(suffix_of_branch(branch))
    hub.push(expiring, expires_in=timedelta(hours=5))

    plan = hub.run(apply=False)

    assert plan[suffix_of_branch(orphan)]["action"] == "destroy"
    assert plan[suffix_of_branch(missed)]["action"] == "create"
    assert plan[suffix_of_branch(expiring)]["action"] == "warn"
    assert plan[suffix_of_branch("main")]["action"] == "leave"
    assert (hub.events_sent(), hub.notices_sent()) == ([], [])
    assert hub.git.tokens[-1] == "Bearer t0ken"


def test_b2_an_applied_plan_is_put_on_the_bus(hub: Hub) -> None:
    orphan, missed, expired = hub.branch(is_live=False), hub.branch(), hub.branch()
    for branch in (orphan, expired):
        hub.account.deploy_environment(suffix_of_branch(branch))
    hub.push(expired, expires_in=timedelta(0))

    plan = hub.run(apply=True)

    assert all("error" not in step for step in plan.values())
    heard = {event.suffix: event for event in hub.events_sent()}
    assert heard[suffix_of_branch(orphan)].reason is Reason.ORPHANED
    assert heard[suffix_of_branch(orphan)].branch is None
    assert heard[suffix_of_branch(missed)].reason is Reason.PUSHED
    assert heard[suffix_of_branch(expired)].reason is Reason.EXPIRED
    assert heard[suffix_of_branch(expired)].branch == expired
    assert suffix_of_branch("main") not in heard


def test_b2_a_warning_is_given_once_a_day_before(hub: Hub) -> None:
    branch = hub.branch()
    hub.account.deploy_environment(suffix_of_branch(branch))
    hub.push(branch, expires_in=timedelta(hours=5))

    for _ in range(2):
        hub.run(apply=True)

    (message,) = hub.notices_sent()
    assert f"Environment {suffix_of_branch(branch)} of branch {branch} expires at" in message
    assert "A push to the branch keeps it for 14 more days." in message


def test_b2_two_reconcilers_at_once_warn_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one comes between the look and the warning."""
    branch = hub.branch()
    suffix = suffix_of_branch(branch)
    hub.account.deploy_environment(suffix)
    hub.push(branch, expires_in=timedelta(hours=5))
    may_warn = Registry.may_warn

    def late(registry: Registry, *args: Any, **kwargs: Any) -> bool:
        may_warn(registry, *args, **kwargs)
        return may_warn(registry, *args, **kwargs)

    monkeypatch.setattr(Registry, "may_warn", late)

    assert hub.run(apply=True)[suffix]["action"] == "warn"
    assert hub.notices_sent() == []


def test_b2_a_locked_environment_is_skipped_until_its_machine_has_ended(hub: Hub) -> None:
    branch, execution = hub.branch(is_live=False), hub.account.start_execution()
    suffix = suffix_of_branch(branch)
    hub.registry.lock(suffix, purpose=Purpose.DESTROY, holder=execution, branch=branch, now=hub.now)

    assert hub.run(apply=False)[suffix]["reason"] == "is being deleted"

    hub.account.stop_execution(execution)
    assert hub.run(apply=False)[suffix]["action"] == "destroy"


def test_b2_the_quota_limits_what_is_created(hub: Hub) -> None:
    for number in range(5):
        hub.quota.take(f"taken-{number}")
    branch = hub.branch()

    assert hub.run(apply=False)[suffix_of_branch(branch)]["reason"] == (
        "has none: branches.quota or a quota of the account is full"
    )


def test_b3_a_failed_teardown_is_retried(hub: Hub) -> None:
    branch = hub.branch(is_live=False)
    suffix = suffix_of_branch(branch)
    hub.registry.lock(suffix, purpose=Purpose.DESTROY, holder="arn:e", branch=branch, now=hub.now)
    hub.registry.release(suffix, holder="arn:e", state=State.DESTROY_FAILED, cause="a bucket")

    hub.run(apply=True)

    assert suffix in {event.suffix for event in hub.events_sent()}


def test_b2_without_the_registry_a_protected_branch_is_found_by_its_stacks(
    hub: Hub,
) -> None:
    branch = hub.branch("release/tagged", is_live=False)
    suffix = suffix_of_branch(branch)
    hub.account.deploy(f"transaction-{suffix}", tags=tags_of(suffix, branch=branch))

    step = hub.run(apply=False)[suffix]

    assert (step["action"], step["reason"], step["branch"]) == ("leave", "protected", branch)


@pytest.mark.parametrize("is_live", [True, False])
def test_b4_of_two_branches_with_one_suffix_the_owner_decides(hub: Hub, is_live: bool) -> None:
    owner, other = "feature/t-94517", "feature/t-13649"
    hub.git.branches |= {other: as_text(hub.now), **({owner: as_text(hub.now)} if is_live else {})}
    hub.push(owner, expires_in=timedelta(days=5))

    hub.run(apply=True)

    (event,) = (event for event in hub.events_sent() if event.suffix == suffix_of_branch(owner))
    # Without stacks: a live owner gets its pipeline, the record of a deleted one is cleaned up.
    assert event.branch == owner
    assert event.reason is (Reason.PUSHED if is_live else Reason.ORPHANED)


@pytest.mark.parametrize("refusal", [401, 404, 500])
def test_b2_a_host_that_does_not_answer_gives_no_plan(hub: Hub, refusal: int) -> None:
    hub.git.refusals = {"": refusal}

    with pytest.raises(HostUnavailable, match=f"answered {refusal}"):
        hub.run(apply=True)
    assert hub.events_sent() == []


def test_b2_a_host_without_any_branch_gives_no_plan(hub: Hub) -> None:
    hub.git.branches = {}

    with pytest.raises(HostUnavailable, match="lists no branch"):
        hub.run(apply=True)


def test_s8_a_branch_that_can_have_no_environment_is_skipped(hub: Hub) -> None:
    hub.git.branches["refs/heads/odd"] = as_text(hub.now)

    assert suffix_of_branch("main") in hub.run(apply=False)


@pytest.mark.parametrize("request_", [{}, {"apply": "yes"}, {"apply": 1}, {"apply": None}])
def test_b2_apply_must_be_true_or_false(hub: Hub, request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="true or false is needed"):
        entrypoint.handler(request_, None)
