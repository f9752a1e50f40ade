"""Outcomes reach the bus at least once, in few calls, within the limits of PutEvents."""

import json
import logging
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from botocore.exceptions import ReadTimeoutError

from lambda_src.shared.log_messages import OUTCOMES_SENT
from lambda_src.transaction_processor.outcome_events import OutcomeBus
from lambda_src.transaction_processor.outcomes import Outcome, dead_lettered, posted, refused
from tests.aws_stubs import type_of_aws, unreachable
from tests.lambda_src.submissions import transaction
from tests.lambda_src.transaction_processor.outcome_messages import PROCESSOR, message

BUS = "outcomes-dev"
POSTED, REFUSED, DEAD = "Transactions posted", "Transactions refused", "Messages dead-lettered"
SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "outcomes.schema.json").read_text())
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
ENTRIES_MAX, BYTES_MAX = 10, 256_000


class Bus:
    """As PutEvents answers. `silent_at` and `refuses` say which calls and detail types fail."""

    def __init__(self, *, refuses: Sequence[str] = (), silent_at: Sequence[int] = ()) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self._refuses = refuses
        self._silent_at = silent_at
        self._numbers = count()

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(Entries)
        if next(self._numbers) in self._silent_at:
            raise ReadTimeoutError(endpoint_url="https://events")
        results = [
            {"ErrorCode": "InternalFailure", "ErrorMessage": "-"}
            if entry["DetailType"] in self._refuses
            else {"EventId": "e"}
            for entry in Entries
        ]
        failed = sum("ErrorCode" in result for result in results)
        return {"FailedEntryCount": failed, "Entries": results}

    def outcomes(self, detail_type: str) -> list[str]:
        """The ids of the messages that events of this type name."""
        return [
            outcome["message_id"]
            for call in self.calls
            for entry in call
            if entry["DetailType"] == detail_type
            for outcome in json.loads(entry["Detail"])["outcomes"]
        ]


def outcome_bus(events: Any, now: Callable[[], float] = lambda: 1000.0) -> OutcomeBus:
    return OutcomeBus(events=events, bus_name=BUS, processor_role_id=PROCESSOR, now=now)


def send(events: Any, *outcomes: Outcome, seconds_left: float = 30) -> list[str]:
    """The ids of the messages whose outcome was not taken."""
    bus = outcome_bus(events)
    return [m.message_id for m in bus.send(outcomes, seconds_left=lambda: seconds_left)]


def one(number: int) -> Outcome:
    return posted(message(f"m{number}"), transaction(number), verdict="posted")


THREE = (
    one(1),
    refused(message("m2"), transaction(2), reason="account_closed"),
    dead_lettered(message("m3"), None, reason="bad_json: \U0001f600"),
)


def test_outcomes_of_a_batch_are_one_call_with_an_event_of_each_kind(aws: type_of_aws) -> None:
    events, stub = aws("events")
    entries = [
        {
            "EventBusName": BUS,
            "Source": "transactions",
            "DetailType": detail_type,
            "Detail": '{"version":1,"outcomes":['
            + ",".join(o.to_text(processor_role_id=PROCESSOR) for o in outcomes)
            + "]}",
        }
        for detail_type, outcomes in (
            (POSTED, (THREE[0], one(4))),
            (REFUSED, THREE[1:2]),
            (DEAD, THREE[2:]),
        )
    ]
    stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": entries})
    assert send(events, *THREE, one(4)) == []


def test_events_are_as_the_schema_of_the_page_says() -> None:
    events = Bus()
    long = dead_lettered(message(correlation_id="x" * 256), None, reason="r" * 600)
    conflict = dead_lettered(message(), transaction(5), reason="conflict")
    replayed = posted(message(sender_id=""), transaction(6), verdict="replayed")
    assert send(events, *THREE, long, conflict, replayed) == []
    details = [json.loads(entry["Detail"]) for entry in events.calls[0]]
    assert len(details) == 3
    for detail in details:
        jsonschema_rs.validate(SCHEMA, detail)


def test_the_schema_refuses_an_event_of_which_a_field_is_missing() -> None:
    events = Bus()
    send(events, *THREE)
    for entry, name in zip(events.calls[0], ("transaction_id", "reason", "sender"), strict=True):
        detail = json.loads(entry["Detail"])
        del detail["outcomes"][0][name]
        assert not jsonschema_rs.is_valid(SCHEMA, detail)


def test_a_line_names_the_events_that_the_bus_took_and_their_first_messages(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    send(Bus(refuses=[REFUSED]), *THREE, *map(one, range(4, 16)))
    [line] = [vars(record) for record in caplog.records if record.message == OUTCOMES_SENT]
    assert line["events"] == [
        {
            "event_id": "e",
            "detail_type": POSTED,
            "outcomes": 13,
            "message_ids": ["m1", *(f"m{number}" for number in range(4, 13))],
        },
        {"event_id": "e", "detail_type": DEAD, "outcomes": 1, "message_ids": ["m3"]},
    ]
    caplog.clear()
    send(Bus(refuses=[POSTED]), one(1))
    assert OUTCOMES_SENT not in caplog.messages


def test_nothing_is_sent_for_a_batch_without_outcomes() -> None:
    events = Bus()
    assert send(events) == []
    assert events.calls == []


def test_outcomes_that_do_not_fit_in_one_call_are_sent_in_several() -> None:
    events = Bus()
    large = [
        dead_lettered(message(f"m{n}", correlation_id="x" * 256), None, reason="\U0001f600" * 500)
        for n in range(100)
    ]
    assert send(events, *large) == []
    assert 1 < len(events.calls) < 5
    assert sorted(events.outcomes(DEAD)) == sorted(o.message.message_id for o in large)
    for call in events.calls:
        assert len(call) <= ENTRIES_MAX
        assert sum(len(str(v).encode()) for entry in call for v in entry.values()) < BYTES_MAX


def test_a_full_batch_of_the_queue_is_one_call() -> None:
    events = Bus()
    assert send(events, *map(one, range(500))) == []
    assert len(events.calls) == 1


def test_an_event_that_the_bus_refuses_leaves_only_its_messages_untold(
    lambda_log: list[dict[str, Any]],
) -> None:
    events = Bus(refuses=[REFUSED])
    assert send(events, *THREE) == ["m2"]
    [line] = [line for line in lambda_log if line["message"] == "outcomes not sent"]
    assert (line["outcomes_not_sent"], line["code"]) == (1, "InternalFailure")


def test_an_answer_that_broke_off_leaves_all_of_its_messages_untold() -> None:
    """boto3 takes an answer that ends in its head for one without a body."""

    class Broken(Bus):
        def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            super().put_events(Entries=Entries)
            return {}

    assert send(Broken(), *THREE) == ["m1", "m2", "m3"]


def test_after_a_call_without_an_answer_the_others_are_not_tried(
    lambda_log: list[dict[str, Any]],
) -> None:
    """Each would wait as long, and money waits behind it."""
    events = Bus(silent_at=[0])
    names = [f"m{n}" for n in range(2000)]
    assert send(events, *map(one, range(2000))) == names
    assert len(events.calls) == 1
    lines = [line for line in lambda_log if line["message"] == "outcomes not sent"]
    assert lines[0]["code"] == "ReadTimeoutError"
    assert sum(line["outcomes_not_sent"] for line in lines) == 2000


def test_a_bus_without_an_answer_is_not_asked_for_half_a_minute() -> None:
    """Postings do not wait for it in each batch."""
    events = Bus(silent_at=[0])
    clock = [1000.0]
    bus = outcome_bus(events, now=lambda: clock[0])

    def untold() -> list[str]:
        return [m.message_id for m in bus.send([one(1)], seconds_left=lambda: 30)]

    assert untold() == ["m1"]
    clock[0] += 29
    assert (untold(), len(events.calls)) == (["m1"], 1)
    clock[0] += 2
    assert (untold(), len(events.calls)) == ([], 2)


def test_a_call_that_is_refused_does_not_stop_the_next(aws: type_of_aws) -> None:
    events, stub = aws("events")
    stub.add_client_error("put_events", "ThrottlingException")
    stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": []})
    untold = send(events, *map(one, range(1500)))
    assert 0 < len(untold) < 1500
    assert untold == [f"m{n}" for n in range(len(untold))]


def test_with_an_unreachable_bus_all_are_untold() -> None:
    assert send(unreachable, *THREE) == ["m1", "m2", "m3"]


@pytest.mark.parametrize(("seconds", "calls"), [(10, 1), (9.9, 0)])
def test_without_time_for_the_answer_nothing_is_sent(seconds: float, calls: int) -> None:
    events = Bus()
    assert send(events, one(1), seconds_left=seconds) == ([] if calls else ["m1"])
    assert len(events.calls) == calls
