"""B2: a step that fails is told, and does not keep the others from being done."""

from datetime import UTC, datetime, timedelta

from lambda_src.branch_reconciler.apply import Applier
from lambda_src.branch_reconciler.plan import Action, Step
from lambda_src.branches.bus import BranchEventBus
from lambda_src.branches.events import Reason
from lambda_src.branches.registry import Registry
from tests.lambda_src.account import Account
from tests.lambda_src.conftest import type_of_aws

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
ORPHAN = Step(
    action=Action.DESTROY,
    suffix="lost-0a1b2c",
    branch=None,
    reason="its branch is gone",
    age_days=3,
    event=Reason.ORPHANED,
)


def test_b2_a_step_that_fails_says_so_and_the_next_is_done(
    account: Account, aws: type_of_aws
) -> None:
    events, stub = aws("events")
    applier = Applier(
        repository="acme/app",
        lifetime=timedelta(days=14),
        bus=BranchEventBus(events=events, bus_name="hub"),
        registry=Registry(dynamodb=account.client("dynamodb"), table_name="none"),
        sns=account.client("sns"),
        topic_arn="arn:topic",
        now=lambda: NOW,
    )
    stub.add_client_error("put_events", "InternalFailure", "try later")
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttled"}]}
    stub.add_response("put_events", refused)
    stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})

    assert "try later" in applier.carry_out(ORPHAN)["error"]
    assert "Throttled" in applier.carry_out(ORPHAN)["error"]
    assert applier.carry_out(ORPHAN) == ORPHAN.to_json()
