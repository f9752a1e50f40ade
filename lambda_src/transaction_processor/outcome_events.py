"""Sends outcomes to the event bus of the environment, at least once.

An outcome is sent after the ledger's commit and before the message leaves its queue. An outcome
that the bus has not taken is sent with the next delivery of the message.

One event holds many outcomes: PutEvents is charged for each event of up to 64 KB, and takes ten of
them in a call (https://aws.amazon.com/eventbridge/pricing/).
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.first_send import first_message_id
from lambda_src.shared.log_messages import OUTCOMES_SENT
from lambda_src.shared.messages import Message
from lambda_src.transaction_processor.outcomes import DetailType, Outcome
from lambda_src.transaction_processor.settings import SOURCE

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry
    from mypy_boto3_events.type_defs import PutEventsResultEntryTypeDef

logger = logging.getLogger(__name__)

VERSION: Final = 1
MESSAGES_NAMED_MAX: Final = 10  # of an event, in its log line
# PutEvents takes less than 256 KB in a call
# (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html). An event grows on
# its way to a target by an envelope, and some targets take no more than 256 KB either.
OUTCOME_BYTES_MAX: Final = 240_000
# The time for one call, with its repetition, and for the answer to Lambda.
CALL_SECONDS: Final = 10
SILENT_SECONDS: Final = 30
_HEAD = f'{{"version":{VERSION},"outcomes":['
_TAIL = "]}"


@dataclass(frozen=True, kw_only=True)
class _Event:
    detail_type: DetailType
    texts: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def entry(self, bus_name: str) -> "Entry":
        return {
            "EventBusName": bus_name,
            "Source": SOURCE,
            "DetailType": self.detail_type,
            "Detail": f"{_HEAD}{','.join(self.texts)}{_TAIL}",
        }


class OutcomeBus:
    """After a call without an answer it starts none for SILENT_SECONDS, also not for later batches:
    postings must not wait for a bus that hangs. `now` is in seconds and never goes back."""

    def __init__(
        self,
        *,
        events: "EventBridgeClient",
        bus_name: str,
        processor_role_id: str,
        now: Callable[[], float],
    ) -> None:
        self._events = events
        self._now = now
        self._silent_until = 0.0
        self._bus_name = bus_name
        self._processor_role_id = processor_role_id

    def send(
        self, outcomes: Sequence[Outcome], *, seconds_left: Callable[[], float]
    ) -> list[Message]:
        """Returns the messages whose outcome the bus has not taken: they must not be lost.

        Starts no call for which `seconds_left` are too few.
        """
        untold: list[Message] = []
        for call in self._calls(outcomes):
            failed = call
            if self._now() < self._silent_until:
                code = "no answer before"
            elif seconds_left() < CALL_SECONDS:
                code = "no time"
            else:
                try:
                    failed, code = self._put(call)
                except ClientError as error:
                    code = error.response["Error"]["Code"]
                except BotoCoreError as error:
                    self._silent_until = self._now() + SILENT_SECONDS
                    code = type(error).__name__
            if failed:
                messages = [message for event in failed for message in event.messages]
                untold += messages
                logger.error(
                    "outcomes not sent", extra={"outcomes_not_sent": len(messages), "code": code}
                )
        return untold

    def _put(self, call: Sequence[_Event]) -> tuple[list[_Event], str]:
        """The events that the bus has refused, and why."""
        answer = self._events.put_events(Entries=[event.entry(self._bus_name) for event in call])
        entries = answer.get("Entries", [])
        self._log([*zip(call, entries, strict=False)])
        if answer.get("FailedEntryCount") == 0:
            return [], ""
        if len(entries) != len(call):  # an answer that broke off: boto3 takes it for an empty one
            return [*call], "answer incomplete"
        results = [*zip(call, entries, strict=True)]
        codes = {result["ErrorCode"] for _, result in results if "ErrorCode" in result}
        refused = [event for event, result in results if "ErrorCode" in result]
        return refused, ", ".join(sorted(codes))

    def _log(self, results: "Sequence[tuple[_Event, PutEventsResultEntryTypeDef]]") -> None:
        """One line for a call, which names the first messages of each event."""
        sent = [
            {
                "event_id": result["EventId"],
                "detail_type": event.detail_type,
                "outcomes": len(event.messages),
                "message_ids": [
                    first_message_id(message, role_id=self._processor_role_id)
                    for message in event.messages[:MESSAGES_NAMED_MAX]
                ],
            }
            for event, result in results
            if "EventId" in result
        ]
        if sent:
            logger.info(OUTCOMES_SENT, extra={"events": sent})

    def _calls(self, outcomes: Iterable[Outcome]) -> Iterator[list[_Event]]:
        """The outcomes as events, in groups that one call takes; one detail type in each event."""
        call: dict[DetailType, _Event] = {}
        size = 0
        for outcome in outcomes:
            text = outcome.to_text(processor_role_id=self._processor_role_id)
            size += len(text) + 1  # it is ASCII
            if call and size > OUTCOME_BYTES_MAX:
                yield [*call.values()]
                call, size = {}, len(text) + 1
            kind = outcome.detail_type
            event = call.setdefault(kind, _Event(detail_type=kind))
            event.texts.append(text)
            event.messages.append(outcome.message)
        if call:
            yield [*call.values()]
