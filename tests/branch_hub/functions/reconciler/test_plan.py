"""B2: the planned action for each suffix depends on the current state; a plan changes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from branch_hub.events import Reason
from branch_hub.functions.reconciler.plan import Action, Planner, Step
from branch_hub.functions.reconciler.survey import EnvironmentStatus
from branch_hub.functions.shared.policy import BranchPolicy
from branch_hub.functions.shared.records import EnvironmentRecord, Lock, Purpose, State
from branch_hub.functions.shared.stacks import DeployedStack, Environment
from branch_hub.git_hosts.git_host import HostUnavailable
from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.account import tags_of

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
LIFETIME = timedelta(days=14)
LONG = NOW + timedelta(days=10)
LOCK = Lock(holder="arn:execution", purpose=Purpose.CREATE, taken_at=NOW)


def stack(name: str, suffix: str, **more: Any) -> DeployedStack:
    return DeployedStack(
        **{
            "name": name,
            "arn": f"arn:{name}",
            "status": "CREATE_COMPLETE",
            "tags": tags_of(suffix),
            "changed_at": NOW - timedelta(days=3),
            "is_termination_protected": False,
            **more,
        }
    )


def record(branch: str = "feature/a", **more: Any) -> EnvironmentRecord:
    return EnvironmentRecord(
        **{
            "suffix": suffix_of_branch(branch),
            "branch": branch,
            "state": State.LIVE,
            "created_at": NOW - timedelta(days=4),
            "expires_at": LONG,
            "warned_at": None,
            "cause": None,
            "lock": None,
            **more,
        }
    )


def status_of(
    branch: str | None = "feature/a",
    *,
    suffix: str | None = None,
    is_live: bool = True,
    stacks: dict[str, Any] | None = None,
    foreign_stacks: tuple[str, ...] = (),
    known: EnvironmentRecord | None = None,
) -> EnvironmentStatus:
    """`stacks` holds the common properties of both stacks; None: there are no stacks."""
    suffix = suffix or suffix_of_branch(branch or "")
    pair = [
        None if stacks is None else stack(f"{base}-{suffix}", suffix, **stacks)
        for base in ("transaction", "DeliveryPipeline")
    ]
    environment = Environment(
        suffix=suffix, application=pair[0], pipeline=pair[1], foreign_stacks=foreign_stacks
    )
    return EnvironmentStatus(
        suffix=suffix,
        branch=branch,
        is_live=is_live,
        environment=environment,
        record=known,
    )


class Host:
    def __init__(self, last_commit_at: datetime | Exception = NOW) -> None:
        self.last_commit_at = last_commit_at
        self.asked: list[str] = []

    def __call__(self, branch: str) -> datetime:
        self.asked.append(branch)
        if isinstance(self.last_commit_at, Exception):
            raise self.last_commit_at
        return self.last_commit_at


def plan(
    *statuses: EnvironmentStatus,
    host: Host | None = None,
    room: int = 10,
    counted: set[str] | None = None,
    is_running: bool = True,
) -> list[Step]:
    planner = Planner(
        policy=BranchPolicy(trunk="main", protected=("release/*",)),
        lifetime=LIFETIME,
        now=NOW,
        room=room,
        counted=counted or set(),
        is_running=lambda _: is_running,
        last_commit_at=host or Host(),
    )
    return planner.plan(statuses)


def only(one: EnvironmentStatus, **more: Any) -> Step:
    (step,) = plan(one, **more)
    return step


def test_b2_a_live_environment_is_kept_until_it_expires() -> None:
    step = only(status_of(stacks={}, known=record()))

    assert (step.action, step.reason, step.event) == (Action.LEAVE, "expires in 10 days", None)
    assert (step.branch, step.age_days) == ("feature/a", 4)


def test_b2_an_environment_without_a_branch_is_deleted() -> None:
    for known in (None, record()):
        step = only(status_of(is_live=False, stacks={}, known=known))
        assert (step.action, step.event) == (Action.DESTROY, Reason.ORPHANED)
        assert step.reason == "its branch is gone"


def test_b2_an_orphan_without_a_known_branch_is_deleted() -> None:
    step = only(status_of(None, suffix="lost-0a1b2c", is_live=False, stacks={}))

    assert (step.action, step.branch, step.age_days) == (Action.DESTROY, None, 3)


def test_b3_a_record_without_stacks_and_branch_is_deleted() -> None:
    """A teardown failed after its stacks were gone, and so did what should have tried again."""
    known = record(state=State.DESTROY_FAILED)

    assert only(status_of(is_live=False, known=known)).action is Action.DESTROY


def test_b2_a_deleted_expired_environment_needs_no_action() -> None:
    known = record(state=State.EXPIRED, expires_at=None)

    assert only(status_of(is_live=False, known=known)).action is Action.LEAVE


@pytest.mark.parametrize("branch", ["main", "release/1"])
@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "DELETE_FAILED"])
def test_b2_a_protected_environment_is_kept_in_every_state(
    branch: str, is_live: bool, status: str
) -> None:
    known = record(branch, expires_at=NOW - LIFETIME)
    one = status_of(branch, is_live=is_live, stacks={"status": status}, known=known)

    assert (only(one).action, only(one).reason) == (Action.LEAVE, "protected")


def test_b2_the_trunks_environment_is_protected_without_its_branch() -> None:
    one = status_of(None, suffix=suffix_of_branch("main"), is_live=False, stacks={})

    assert only(one).reason == "protected"


@pytest.mark.parametrize("suffix", ["dev", "staging", "production", "my-test"])
def test_b2_an_environment_named_by_hand_is_kept(suffix: str) -> None:
    step = only(status_of(None, suffix=suffix, is_live=False, stacks={}))

    assert (step.action, step.reason) == (Action.LEAVE, "its suffix was given by hand")


def test_b2_termination_protection_is_respected() -> None:
    step = only(status_of(is_live=False, stacks={"is_termination_protected": True}))

    assert (step.action, step.reason) == (Action.LEAVE, "termination protection")


@pytest.mark.parametrize(
    "status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"]
)
def test_b2_a_stack_in_progress_is_skipped(status: str) -> None:
    step = only(status_of(is_live=False, stacks={"status": status}))

    assert (step.action, step.reason) == (Action.LEAVE, "a stack is in progress")


def test_b2_foreign_stacks_with_similar_names_are_kept_and_reported() -> None:
    step = only(
        status_of(is_live=False, stacks={}, foreign_stacks=("transaction-x has not its tags",))
    )

    assert (step.action, step.reason) == (Action.LEAVE, "transaction-x has not its tags")


@pytest.mark.parametrize(
    ("purpose", "reason"),
    [(Purpose.CREATE, "is being created"), (Purpose.DESTROY, "is being deleted")],
)
def test_b2_a_locked_environment_is_skipped(purpose: Purpose, reason: str) -> None:
    lock = Lock(holder="arn", purpose=purpose, taken_at=NOW)
    one = status_of(is_live=False, stacks={}, known=record(lock=lock))

    assert (only(one).action, only(one).reason) == (Action.LEAVE, reason)
    assert only(one, is_running=False).action is Action.DESTROY


@pytest.mark.parametrize(
    ("expires_at", "action"),
    [
        (NOW, Action.DESTROY),
        (NOW - timedelta(days=2), Action.DESTROY),
        (NOW + timedelta(seconds=1), Action.WARN),
        (NOW + timedelta(days=1), Action.WARN),
        (NOW + timedelta(days=1, seconds=1), Action.LEAVE),
    ],
)
def test_b2_a_warning_precedes_the_expiry_by_a_day(expires_at: datetime, action: Action) -> None:
    step = only(status_of(stacks={}, known=record(expires_at=expires_at)))

    assert step.action is action
    assert step.event is (Reason.EXPIRED if action is Action.DESTROY else None)
    assert step.expires_at == (expires_at if action is Action.WARN else None)


def test_b2_there_is_only_one_warning() -> None:
    known = record(expires_at=NOW + timedelta(hours=1), warned_at=NOW - timedelta(hours=1))

    step = only(status_of(stacks={}, known=known))

    assert (step.action, step.reason) == (Action.LEAVE, "expires in 1 hour, warned")


@pytest.mark.parametrize("known", [None, record(expires_at=None)])
@pytest.mark.parametrize(
    ("age", "action"),
    [
        (timedelta(days=12), Action.LEAVE),
        (timedelta(days=13, hours=12), Action.WARN),
        (LIFETIME, Action.DESTROY),
    ],
)
def test_b2_without_a_date_the_last_deployment_counts(
    known: EnvironmentRecord | None, age: timedelta, action: Action
) -> None:
    step = only(status_of(stacks={"changed_at": NOW - age}, known=known))

    assert step.action is action


def test_b3_a_half_deleted_environment_is_deleted_although_its_branch_exists() -> None:
    step = only(status_of(stacks={"status": "DELETE_FAILED"}, known=record()))

    assert (step.action, step.event, step.reason) == (
        Action.DESTROY,
        Reason.ORPHANED,
        "half deleted",
    )


def test_s8_a_branch_whose_event_was_missed_is_created() -> None:
    step = only(status_of())

    assert (step.action, step.event, step.age_days) == (Action.CREATE, Reason.PUSHED, None)


@pytest.mark.parametrize("state", [State.CREATING, State.REFUSED, State.DESTROY_FAILED])
def test_s8_a_missing_environment_is_created(state: State) -> None:
    """By its record: the host is not asked."""
    host = Host()

    assert only(status_of(known=record(state=state)), host=host).action is Action.CREATE
    assert host.asked == []


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (record(state=State.EXPIRED, expires_at=None), "expired: a push creates it again"),
        (record(state=State.FAILED, cause="red"), "could not be created: red; a push tries again"),
        (record(state=State.FAILED), "could not be created: unknown; a push tries again"),
        (record(state=State.REFUSED, expires_at=NOW), "has none: its last commit is older"),
    ],
)
def test_b2_an_environment_that_only_a_push_creates_is_not_created(
    known: EnvironmentRecord, reason: str
) -> None:
    step = only(status_of(known=known))

    assert (step.action, step.reason[: len(reason)]) == (Action.LEAVE, reason)


def test_b2_an_old_branch_is_not_created() -> None:
    """An environment from the last push would have expired: a hub that is deployed to an old
    repository creates no environments for inactive branches."""
    step = only(status_of(), host=Host(NOW - LIFETIME))

    assert (step.action, step.reason) == (
        Action.LEAVE,
        "has none: its last commit is older than the lifetime of an environment",
    )


def test_b2_no_more_are_created_than_the_quota_allows() -> None:
    branches = [status_of(f"feature/{name}") for name in "abcd"]

    steps = plan(*branches, room=2)

    assert [s.action for s in steps] == [Action.CREATE] * 2 + [Action.LEAVE] * 2
    assert steps[-1].reason == "has none: branches.quota or a quota of the account is full"


def test_b2_an_environment_in_the_quota_needs_no_new_place() -> None:
    one = status_of(known=record(state=State.CREATING))

    assert only(one, room=0, counted={one.suffix}).action is Action.CREATE


def test_b2_an_environment_that_cannot_be_checked_does_not_stop_the_others() -> None:
    failing = Host(HostUnavailable("the rate limit is reached"))
    steps = plan(
        status_of("feature/a"), status_of("feature/b", is_live=False, stacks={}), host=failing
    )

    assert [s.action for s in steps] == [Action.DESTROY, Action.LEAVE]
    assert steps[1].reason == "could not be checked: the rate limit is reached"


def test_b2_an_error_about_a_lock_affects_only_one_suffix() -> None:
    def broken(_: EnvironmentRecord) -> bool:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeExecution")

    planner = Planner(
        policy=BranchPolicy(trunk="main", protected=()),
        lifetime=LIFETIME,
        now=NOW,
        room=1,
        counted=set(),
        is_running=broken,
        last_commit_at=Host(),
    )

    steps = planner.plan([status_of("feature/a", known=record(lock=LOCK)), status_of("feature/b")])

    assert [s.action for s in steps] == [Action.CREATE, Action.LEAVE]


def test_b2_a_run_reads_the_age_of_a_limited_number_of_branches() -> None:
    host = Host(NOW - LIFETIME)

    steps = plan(*(status_of(f"feature/{number}") for number in range(120)), host=host)

    assert len(host.asked) == 100
    assert sum("ages of 100 others were read" in s.reason for s in steps) == 20
    assert {s.action for s in steps} == {Action.LEAVE}


def test_b2_the_order_of_a_plan_is_always_the_same() -> None:
    statuses = [
        status_of("feature/leave", stacks={}, known=record("feature/leave")),
        status_of("feature/make"),
        status_of(
            "feature/warn",
            stacks={},
            known=record("feature/warn", expires_at=NOW + timedelta(hours=1)),
        ),
        status_of("feature/z", is_live=False, stacks={}),
        status_of("feature/b", is_live=False, stacks={}),
    ]

    steps = plan(*statuses)

    assert [s.action for s in steps] == [
        *(Action.DESTROY, Action.DESTROY, Action.CREATE, Action.WARN, Action.LEAVE)
    ]
    assert steps == plan(*reversed(statuses))
    assert steps[0].suffix < steps[1].suffix


def test_b2_a_step_holds_all_facts_that_a_person_needs() -> None:
    step = only(status_of(stacks={}, known=record(expires_at=NOW + timedelta(hours=5))))

    assert step.to_json() == {
        "action": "warn",
        "suffix": suffix_of_branch("feature/a"),
        "branch": "feature/a",
        "reason": "expires in 5 hours",
        "age_days": 4,
        "expires_at": "2026-11-22T08:00:00Z",
    }
    assert only(status_of()).to_json()["expires_at"] is None
