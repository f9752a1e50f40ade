"""S8: events reach the bus, or the sender gets an error."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from branch_hub.events import BranchEvent, Reason
from branch_hub.functions.shared.bus import BranchEventBus, EventsRefused
from tests.account import Account
from tests.aws_stubs import type_of_aws

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)


def event(number: int) -> BranchEvent:
    return BranchEvent.of_branch(
        event_id=f"e{number}",
        repository="acme/app",
        branch=f"feature/{number}",
        reason=Reason.PUSHED,
        occurred_at=NOW,
    )


def test_s8_a_rule_on_the_bus_gets_the_event(account: Account) -> None:
    """More events than one call takes, to a queue through the rule that the hub has."""
    bus, queue = account.name("branch-events"), account.name("heard")
    events, sqs = account.client("events"), account.client("sqs")
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    events.create_event_bus(Name=bus)
    pattern = {"source": ["transaction-pipeline.branches"], "detail-type": ["Branch Pushed"]}
    events.put_rule(Name=queue, EventBusName=bus, EventPattern=json.dumps(pattern))
    arn = f"arn:aws:sqs:us-east-1:000000000000:{queue}"
    events.put_targets(
        Rule=queue, EventBusName=bus, Targets=[{"Id": "q", "Arn": arn, "InputPath": "$.detail"}]
    )

    BranchEventBus(events=events, bus_name=bus).put(event(number) for number in range(12))

    heard: list[Any] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        heard += [BranchEvent.parse(json.loads(message["Body"])) for message in batch]
    assert sorted(e.event_id for e in heard) == sorted(f"e{number}" for number in range(12))
    assert event(3) in heard


def test_s8_an_entry_that_the_bus_refuses_is_a_failure(aws: type_of_aws) -> None:
    """The call itself succeeds."""
    events, stub = aws("events")
    answer = {
        "FailedEntryCount": 1,
        "Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}],
    }
    stub.add_response("put_events", answer)

    with pytest.raises(EventsRefused, match="bus hub refused 1 events: ThrottlingException"):
        BranchEventBus(events=events, bus_name="hub").put([event(1), event(2)])
