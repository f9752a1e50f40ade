"""B2: a failed step is reported and does not stop the other steps."""

from datetime import UTC, datetime, timedelta

from branch_hub.events import Reason
from branch_hub.functions.reconciler.apply import Applier
from branch_hub.functions.reconciler.plan import Action, Step
from branch_hub.functions.shared.bus import BranchEventBus
from branch_hub.functions.shared.registry import Registry
from tests.account import Account
from tests.aws_stubs import type_of_aws

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
ORPHAN = Step(
    action=Action.DESTROY,
    suffix="lost-0a1b2c",
    branch=None,
    reason="its branch is gone",
    age_days=3,
    event=Reason.ORPHANED,
)


def test_b2_a_failed_step_is_reported_and_does_not_stop_the_next(
    account: Account, aws: type_of_aws
) -> None:
    events, stub = aws("events")
    applier = Applier(
        repository="acme/app",
        lifetime=timedelta(days=14),
        bus=BranchEventBus(events=events, bus_name="hub"),
        registry=Registry(table=account.table("none")),
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
