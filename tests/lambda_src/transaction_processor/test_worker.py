"""S40 to S43: the outcome of each message of a batch."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.submission import Submission
from app_service.ledger.verdict import REFUSALS
from app_service.totals import Totals
from lambda_src.shared.messages import Message
from lambda_src.transaction_processor.outcomes import DetailType, Outcome
from lambda_src.transaction_processor.posting import ACCOUNT_BUSY, COMES_AGAIN, LedgerUnavailable
from lambda_src.transaction_processor.worker import process
from tests.lambda_src.sqs_events import FakeDeadLetters, kept, sqs_event, sqs_record
from tests.lambda_src.submissions import body_of, transaction


class FakeLedger:
    """Answers with the prepared verdicts and remembers each call."""

    def __init__(self, *verdicts: str) -> None:
        self._verdicts = list(verdicts)
        self.calls: list[list[int]] = []
        self.actors: list[Actor] = []
        self.origins: list[str | None] = []

    def post(self, submissions: Sequence[Submission]) -> list[str]:
        self.calls.append([s.transaction.transaction_id.int for s in submissions])
        self.actors += [s.actor for s in submissions]
        self.origins += [s.origin_id for s in submissions]
        return self._verdicts


class BrokenLedger:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def post(self, submissions: Sequence[Submission]) -> list[str]:
        raise self._error


SECONDS_LEFT = 17
TOO_FEW_SECONDS = 9  # for a call to the dead-letter queue
RECEIVES_MAX = 10
PROCESSOR = "AROAPROCESSOR"
AWAY = LedgerUnavailable("no host accepts writes", wait_seconds=7, spread_seconds=20)


class FakeRedelivery:
    def __init__(self) -> None:
        self.postponed: list[list[str]] = []

    def postpone(self, messages: Sequence[Message], *, seconds_left: Callable[[], float]) -> None:
        assert seconds_left() in (SECONDS_LEFT, TOO_FEW_SECONDS)
        self.postponed.append([m.message_id for m in messages])


class FakeRenewal:
    """Accepts all messages except those in `refused`."""

    def __init__(self, refused: Sequence[str], *, done_before: Sequence[object]) -> None:
        self.renewed: list[tuple[str, int, int]] = []
        self.done_before: list[object] = []
        self._refused = refused
        self._before = done_before

    def renew(
        self,
        messages: Sequence[Message],
        *,
        wait_seconds: int,
        spread_seconds: int,
        seconds_left: Callable[[], float],
    ) -> list[Message]:
        assert seconds_left() in (SECONDS_LEFT, TOO_FEW_SECONDS)
        self.done_before = [*self._before]
        self.renewed += [
            (m.message_id, wait_seconds, spread_seconds)
            for m in messages
            if m.message_id not in self._refused
        ]
        return [m for m in messages if m.message_id in self._refused]


class FakeBus:
    """Takes all outcomes except those of the messages in `refused`; comes before dead letters."""

    def __init__(self, *refused: str, letters: Sequence[object]) -> None:
        self.told: list[Outcome] = []
        self._refused = refused
        self._letters = letters

    def send(
        self, outcomes: Sequence[Outcome], *, seconds_left: Callable[[], float]
    ) -> list[Message]:
        assert seconds_left() in (SECONDS_LEFT, TOO_FEW_SECONDS)
        assert not self._letters
        self.told += [o for o in outcomes if o.message.message_id not in self._refused]
        return [o.message for o in outcomes if o.message.message_id in self._refused]


class FakeRetries:
    """Sends all messages again except those in `refused`."""

    def __init__(self, *refused: str) -> None:
        self.retried: list[str] = []
        self._refused = refused

    def retry(
        self, messages: Sequence[Message], *, seconds_left: Callable[[], float]
    ) -> list[Message]:
        assert seconds_left() in (SECONDS_LEFT, TOO_FEW_SECONDS)
        self.retried += [m.message_id for m in messages if m.message_id not in self._refused]
        return [m for m in messages if m.message_id in self._refused]


class Run:
    """`process` on one batch, and its effects."""

    def __init__(
        self,
        ledger: FakeLedger | BrokenLedger,
        *bodies: str,
        dlq_accepts: bool = True,
        not_renewed: Sequence[str] = (),
        not_told: Sequence[str] = (),
        not_retried: Sequence[str] = (),
        receive_count: int = 1,
        seconds_left: float = SECONDS_LEFT,
        event: dict[str, Any] | None = None,
    ) -> None:
        self.dead_letters = FakeDeadLetters(accepts=dlq_accepts)
        redelivery = FakeRedelivery()
        renewal = FakeRenewal(not_renewed, done_before=self.dead_letters.letters)
        bus = FakeBus(*not_told, letters=self.dead_letters.letters)
        retries = FakeRetries(*not_retried)
        self.response = process(
            event or sqs_event(*bodies, receive_count=receive_count),
            ledger=ledger,
            dead_letters=self.dead_letters,
            redelivery=redelivery,
            renewal=renewal,
            outcome_bus=bus,
            outcome_retries=retries,
            processor_role_id=PROCESSOR,
            receives_max=RECEIVES_MAX,
            seconds_left=lambda: seconds_left,
        )
        self.told = {o.message.message_id: (o.detail_type, o.result, o.reason) for o in bus.told}
        self.retried = retries.retried
        self.renewed = renewal.renewed
        self.done_before_renewal = renewal.done_before
        self.postponed = redelivery.postponed


def body(number: int) -> str:
    return body_of(transaction(number))


def test_s40_all_valid_transactions_are_posted_in_one_call_in_order() -> None:
    ledger = FakeLedger("posted", "replayed")
    run = Run(ledger, body(1), "{", body(2))
    assert ledger.calls == [[1, 2]]
    assert run.response == kept()
    assert run.postponed == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("not json", "bad_json"),
        (json.dumps({"type": "transaction.cancelled", "version": 1}), "unknown_type"),
        (json.dumps({"type": "transaction.submitted", "version": 2}), "unknown_version"),
        (json.dumps({"type": "transaction.submitted", "version": 1}), "invalid_transaction: "),
        (body_of(transaction(9, amount_minor=0)), "invalid_transaction: amount_minor"),
    ],
)
def test_s43_an_invalid_message_is_dead_lettered_with_its_reason(bad: str, reason: str) -> None:
    ledger = FakeLedger("posted", "posted")
    run = Run(ledger, body(1), bad, body(3))
    assert ledger.calls == [[1, 3]]
    [(message_id, given)] = run.dead_letters.letters
    assert message_id == "m2"
    assert given.startswith(reason)
    assert run.response == kept()


def test_a_linked_transaction_is_dead_lettered_because_a_message_is_no_chain() -> None:
    ledger = FakeLedger()
    run = Run(ledger, body_of(transaction(1, linked=True)))
    [(_, reason)] = run.dead_letters.letters
    assert reason == "invalid_transaction: linked: a message holds only one transaction"
    assert ledger.calls == []


def test_the_actor_is_the_queue_and_the_user_is_who_sent_the_message() -> None:
    ledger = FakeLedger("posted")
    Run(ledger, body(1))
    assert ledger.actors == [
        Actor(
            client_id="transaction-queue", user_id="AIDATEST", path=Path.QUEUE, role=Role.OPERATOR
        )
    ]


def test_the_ledger_gets_the_id_that_the_first_sender_knows() -> None:
    """Also of a message that the processor has sent again. An id that is no UUID is left out."""
    first, copy = "5a3f0c1e-6a52-4f0e-9c8e-2f1de0b7a001", "5a3f0c1e-6a52-4f0e-9c8e-2f1de0b7a002"
    claimed = {"first_message_id": {"dataType": "String", "stringValue": first}}
    sent_again = sqs_record(body(2), name=copy)
    sent_again["attributes"]["SenderId"] = f"{PROCESSOR}:session"
    sent_again["messageAttributes"] = claimed
    forged = sqs_record(body(3), name=copy)
    forged["messageAttributes"] = claimed
    ledger = FakeLedger("posted", "posted", "posted", "posted")
    records = [sqs_record(body(1), name=first), sent_again, forged, sqs_record(body(4))]
    Run(ledger, event={"Records": records})
    assert ledger.origins == [
        first.replace("-", ""),
        first.replace("-", ""),
        copy.replace("-", ""),
        None,
    ]


def test_the_line_of_a_batch_names_some_of_its_messages_the_unusual_first(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    Run(FakeLedger(*["posted"] * 12, "replayed"), *map(body, range(1, 14)))
    [line] = [r for r in caplog.records if r.message == "batch posted"]
    named: Any = vars(line)["messages"]
    assert named[0] == {
        "message_id": "m13",
        "transaction_id": "00000000-0000-0000-0000-00000000000d",
        "status": "replayed",
        "first_sent_at": "2026-11-06T21:20:00.000Z",
        "receives": 1,
    }
    assert [each["message_id"] for each in named[1:]] == [f"m{n}" for n in range(1, 10)]


def test_s43_without_a_valid_message_the_ledger_is_not_called() -> None:
    ledger = FakeLedger()
    assert Run(ledger, "{").response == kept()
    assert ledger.calls == []


@pytest.mark.parametrize("verdict", ["conflict", "invalid", "forbidden"])
def test_s43_a_wrong_request_is_dead_lettered_with_the_verdict(verdict: str) -> None:
    run = Run(FakeLedger("posted", verdict), body(1), body(2))
    assert run.dead_letters.letters == [("m2", verdict)]
    assert run.response == kept()


@pytest.mark.parametrize("verdict", sorted(REFUSALS))
def test_s32_a_refusal_is_a_result_recorded_and_not_retried(
    verdict: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run = Run(FakeLedger(verdict), body(7))
    assert run.response == kept()
    assert run.dead_letters.letters == []
    [line] = [r for r in caplog.records if r.message == "transaction refused"]
    assert vars(line)["status"] == verdict
    assert vars(line)["transaction_id"] == "00000000-0000-0000-0000-000000000007"
    assert vars(line)["message_id"] == "m1"


@pytest.mark.parametrize("verdict", sorted(COMES_AGAIN))
def test_s41_a_message_that_was_not_posted_stays_and_is_postponed(verdict: str) -> None:
    run = Run(FakeLedger(verdict, verdict), body(1), "{", body(3))
    assert run.response == kept("m1", "m3")
    assert run.postponed == [["m1", "m3"]]
    assert run.renewed == []
    assert [message_id for message_id, _ in run.dead_letters.letters] == ["m2"]


def test_s42_without_a_ledger_valid_messages_are_renewed_and_the_originals_deleted() -> None:
    run = Run(BrokenLedger(AWAY), body(1), "{", body(3))
    assert run.renewed == [("m1", 7, 20), ("m3", 7, 20)]
    assert run.response == kept()
    assert run.postponed == []
    assert [message_id for message_id, _ in run.dead_letters.letters] == ["m2"]


def test_s42_renewal_is_the_last_step_before_the_answer() -> None:
    """Until the answer a message exists twice; this time should be short."""
    run = Run(BrokenLedger(AWAY), body(1), "{")
    assert run.done_before_renewal == run.dead_letters.letters != []


def test_s42_a_message_that_was_not_renewed_stays_and_is_postponed() -> None:
    run = Run(BrokenLedger(AWAY), body(1), body(2), body(3), not_renewed=["m2"])
    assert [name for name, *_ in run.renewed] == ["m1", "m3"]
    assert run.response == kept("m2")
    assert run.postponed == [["m2"]]


def test_s43_a_message_refused_by_the_dead_letter_queue_stays_and_is_postponed() -> None:
    run = Run(FakeLedger("posted", "conflict"), "{", body(2), body(3), dlq_accepts=False)
    assert run.response == kept("m1", "m3")
    assert run.postponed == [["m1", "m3"]]


def test_s43_without_time_for_the_dead_letter_queue_a_message_stays() -> None:
    """Else Lambda would end the function, and what is a dead letter already would come again."""
    run = Run(FakeLedger("posted"), "{", body(2), "{}", seconds_left=TOO_FEW_SECONDS)
    assert run.dead_letters.letters == []
    assert run.response == kept("m1", "m3")


def test_a_message_whose_account_is_locked_stays_and_does_not_count_as_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    run = Run(FakeLedger("posted", ACCOUNT_BUSY, "posted"), *map(body, range(3)))
    assert run.response == kept("m2")
    assert run.postponed == [["m2"]]
    assert (run.renewed, run.dead_letters.letters) == ([], [])
    [line] = [r for r in caplog.records if r.message == "batch posted"]
    assert (vars(line)["transactions_posted"], vars(line)["transactions_refused"]) == (2, 0)


def test_a_verdict_of_a_newer_ledger_keeps_the_message() -> None:
    run = Run(FakeLedger("posted", "on_hold"), body(1), body(2))
    assert run.response == kept("m2")
    assert run.dead_letters.letters == []


def test_fewer_verdicts_than_transactions_fail_the_whole_batch() -> None:
    with pytest.raises(ValueError, match="zip"):
        Run(FakeLedger("posted"), body(1), body(2))


def test_s50_a_batch_is_counted_by_its_outcomes(caplog: pytest.LogCaptureFixture) -> None:
    """In the fields of the HTTP service, from which CloudWatch makes metrics."""
    caplog.set_level(logging.INFO)
    verdicts = ("posted", "conflict", "insufficient_funds", "posted", "currency_mismatch")
    Run(FakeLedger(*verdicts), *map(body, range(5)))
    [line] = [r for r in caplog.records if r.message == "batch posted"]
    assert vars(line)["verdicts"] == Counter(verdicts)
    fields = {name: value for name, value in vars(line).items() if name in Totals().take()}
    assert fields == {
        "transactions_posted": 2,
        "transactions_replayed": 0,
        "transactions_conflict": 1,
        "transactions_refused": 2,
    }


def test_s40_s43_each_handled_message_has_one_outcome() -> None:
    verdicts = ("posted", "replayed", "insufficient_funds", "conflict")
    run = Run(FakeLedger(*verdicts), *map(body, range(4)), "{")
    reason = run.told["m5"][2]
    assert reason.startswith("bad_json: ")
    assert run.told == {
        "m1": (DetailType.POSTED, "posted", ""),
        "m2": (DetailType.POSTED, "replayed", ""),
        "m3": (DetailType.REFUSED, "refused", "insufficient_funds"),
        "m4": (DetailType.DEAD_LETTERED, "dead_lettered", "conflict"),
        "m5": (DetailType.DEAD_LETTERED, "dead_lettered", reason),
    }


def test_a_message_that_waits_has_no_outcome_yet() -> None:
    assert Run(BrokenLedger(AWAY), body(1)).told == {}
    for verdict in COMES_AGAIN:
        assert Run(FakeLedger(verdict), body(1)).told == {}


def test_a_message_whose_outcome_is_not_taken_comes_again_and_does_not_count() -> None:
    run = Run(FakeLedger("posted", "posted"), body(1), body(2), not_told=["m2"])
    assert run.retried == ["m2"]
    assert run.response == kept()
    assert run.postponed == []


def test_a_message_whose_outcome_is_not_taken_is_no_dead_letter_yet() -> None:
    """It would be another dead letter each time that it comes again."""
    run = Run(FakeLedger(), "{", "[", not_told=["m1"])
    assert [message_id for message_id, _ in run.dead_letters.letters] == ["m2"]
    assert run.retried == ["m1"]


def test_a_message_that_cannot_be_sent_again_stays_until_its_outcome_is_taken() -> None:
    run = Run(FakeLedger("posted"), body(1), not_told=["m1"], not_retried=["m1"])
    assert run.response == kept("m1")
    assert run.postponed == [["m1"]]


@pytest.mark.parametrize("verdict", [ACCOUNT_BUSY, "on_hold"])
def test_at_its_last_receive_a_message_is_a_dead_letter_with_a_reason(verdict: str) -> None:
    """Otherwise SQS moves it: without a reason, and without an outcome for its sender."""
    before = Run(FakeLedger(verdict), body(1), receive_count=RECEIVES_MAX - 1)
    assert before.response == kept("m1")
    assert before.dead_letters.letters == []

    last = Run(FakeLedger(verdict), body(1), receive_count=RECEIVES_MAX)
    reason = f"{verdict}: not posted in 10 receives"
    assert last.dead_letters.letters == [("m1", reason)]
    assert last.told == {"m1": (DetailType.DEAD_LETTERED, "dead_lettered", reason)}
    assert last.response == kept()


def test_an_outage_is_never_a_dead_letter() -> None:
    run = Run(BrokenLedger(AWAY), body(1), receive_count=RECEIVES_MAX)
    assert run.renewed == [("m1", 7, 20)]
    assert (run.dead_letters.letters, run.told) == ([], {})
