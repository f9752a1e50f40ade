"""S23, S43: the outcome of each message of the audit queue."""

import gzip
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lambda_src.audit_writer import writer
from lambda_src.audit_writer.archive import ArchiveUnavailable, ObjectDiffers
from lambda_src.shared.breaker import Admission
from lambda_src.shared.log_messages import BATCH_ARCHIVED
from lambda_src.shared.messages import Message
from tests.lambda_src.audit_writer import posted
from tests.lambda_src.audit_writer.posted import KINDS, before_the_chain, first_version
from tests.lambda_src.sqs_events import FakeDeadLetters, kept, sqs_event


def write(event: dict[str, Any], *, archive: Any, dead_letters: FakeDeadLetters) -> dict[str, Any]:
    """While S3 answers; that it does not is in test_guarded_archive.py."""
    return writer.write(
        event,
        archive=archive,
        breaker=ClosedBreaker(),
        dead_letters=dead_letters,
        redelivery=RefusesAll(),
        renewal=RefusesAll(),
        receives_max=10,
        seconds_left=lambda: 30,
    )


class ClosedBreaker:
    def admit(self) -> Admission:
        return Admission(is_admitted=True)

    def succeeded(self, admission: Admission) -> None: ...

    def failed(self, admission: Admission) -> Admission:
        return admission


class RefusesAll:
    """A queue that takes no copy and no change of visibility."""

    def renew(self, messages: Sequence[Message], **_: object) -> list[Message]:
        return [*messages]

    def postpone(self, messages: Sequence[Message], **_: object) -> None: ...


def body(number: int) -> str:
    return json.dumps(
        {
            "type": "transactions.posted",
            "version": 1,
            "batch_id": f"00000000-0000-0000-0000-{number:012}",
            "posted_at": "2026-11-21T00:00:00Z",
            "transactions": [first_version(number, posted_at="2026-11-21T00:00:00Z")],
        }
    )


def key(number: int) -> str:
    return f"audit/2026/11/21/00000000-0000-0000-0000-{number:012}.ndjson.gz"


def line(number: int) -> bytes:
    """The object of the batch, unpacked."""
    [record] = json.loads(body(number))["transactions"]
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


class FakeArchive:
    """Stores the first content of each key; refuses the keys in `refused`."""

    def __init__(self, *refused: str) -> None:
        self.objects: dict[str, bytes] = {}
        self._refused = refused

    def store(self, key: str, content: bytes, metadata: Mapping[str, str]) -> bool:
        if key in self._refused:
            raise ArchiveUnavailable(key)
        is_new = key not in self.objects
        self.objects.setdefault(key, content)
        return is_new

    def compare(self, key: str, content: bytes, metadata: Mapping[str, str]) -> None:
        if self.objects[key] != content:
            raise ObjectDiffers(f"{key} has another record in the place of transactions[0]")


def test_s23_each_batch_becomes_one_object() -> None:
    archive = FakeArchive()
    response = write(sqs_event(body(1), body(2)), archive=archive, dead_letters=FakeDeadLetters())
    assert response == kept()
    assert {k: gzip.decompress(v) for k, v in archive.objects.items()} == {
        key(1): line(1),
        key(2): line(2),
    }


def test_s23_a_batch_delivered_again_leaves_the_queue(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    archive = FakeArchive()
    response = write(sqs_event(body(1), body(1)), archive=archive, dead_letters=FakeDeadLetters())
    assert response == kept()
    assert list(archive.objects) == [key(1)]
    news: list[Any] = [vars(r)["is_new"] for r in caplog.records if r.message == "batch archived"]
    assert news == [True, False]


TRACE = "1-67891233-abcdef012345678912345678"


def test_the_line_of_a_batch_names_its_message_key_and_the_trace_of_its_only_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    traced = posted.record(trace_id=TRACE, path="api")
    batches = [
        posted.message(traced),
        posted.message(traced, posted.record(2, trace_id=f"{TRACE[:-1]}9", path="api")),
        posted.message(traced, posted.record(2)),
    ]
    for batch in batches:
        write(sqs_event(batch), archive=FakeArchive(), dead_letters=FakeDeadLetters())
    lines = [vars(record) for record in caplog.records if record.message == BATCH_ARCHIVED]
    assert {(line["message_id"], line["receives"], line["key"]) for line in lines} == {
        ("m1", 1, f"audit/2025/08/19/{posted.BATCH_ID}.ndjson.gz")
    }
    assert [line.get("trace_id") for line in lines] == [TRACE, None, None]


def moving(number: int, *amounts: tuple[str, int]) -> str:
    batch = json.loads(body(number))
    batch["transactions"] = [
        first_version(n, currency=currency, amount_minor=amount, posted_at="2026-11-21T00:00:00Z")
        for n, (currency, amount) in enumerate(amounts)
    ]
    return json.dumps(batch)


def test_s50_amounts_are_logged_once_by_currency(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    first = moving(1, ("USD", 100), ("EUR", 7), ("USD", 20))
    archive = FakeArchive(key(3))
    write(
        sqs_event(first, first, moving(2, ("EUR", 3)), moving(3, ("USD", 9))),
        archive=archive,
        dead_letters=FakeDeadLetters(),
    )
    told: list[Any] = [vars(r) for r in caplog.records if r.message == "amount archived"]
    assert {line["currency"]: line["amount_minor"] for line in told} == {"USD": 120, "EUR": 10}
    assert len(told) == 2


def test_s50_only_what_moved_counts_as_an_amount(caplog: pytest.LogCaptureFixture) -> None:
    """Not what a hold reserves, or a void or an expiry releases."""
    caplog.set_level(logging.INFO)
    batch = json.loads(body(1))
    batch["transactions"] = [
        before_the_chain(n, kind=kind, amount_minor=10**n, posted_at="2026-11-21T00:00:00Z")
        for n, kind in enumerate(KINDS)
    ]
    write(sqs_event(json.dumps(batch)), archive=FakeArchive(), dead_letters=FakeDeadLetters())
    [line] = [vars(r) for r in caplog.records if r.message == "amount archived"]
    assert line["amount_minor"] == 10101


def test_s23_another_content_under_the_same_batch_id_is_a_dead_letter_with_an_alarm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    archive, dead_letters = FakeArchive(), FakeDeadLetters()
    event = sqs_event(body(1), moving(1, ("USD", 7)), body(2))
    assert write(event, archive=archive, dead_letters=dead_letters) == kept()
    assert {k: gzip.decompress(v) for k, v in archive.objects.items()} == {
        key(1): line(1),
        key(2): line(2),
    }
    [(message_id, reason)] = dead_letters.letters
    assert message_id == "m2"
    assert reason == f"altered: {key(1)} has another record in the place of transactions[0]"
    [told] = [vars(r) for r in caplog.records if r.message == "batch differs from its object"]
    assert (told["altered"], told["levelname"]) == (1, "ERROR")
    assert told["batch_id"] in key(1)


def test_s23_a_different_batch_that_the_dead_letter_queue_refuses_stays() -> None:
    event = sqs_event(body(1), moving(1, ("USD", 7)))
    refusing = FakeDeadLetters(accepts=False)
    assert write(event, archive=FakeArchive(), dead_letters=refusing) == kept("m2")


def test_s43_an_invalid_message_is_dead_lettered_and_does_not_affect_others() -> None:
    archive, dead_letters = FakeArchive(), FakeDeadLetters()
    response = write(sqs_event("{}", body(2)), archive=archive, dead_letters=dead_letters)
    assert response == kept()
    assert list(archive.objects) == [key(2)]
    [(message_id, reason)] = dead_letters.letters
    assert message_id == "m1"
    assert reason.startswith("unknown_type")


def test_s23_a_batch_that_is_not_stored_and_not_renewed_stays() -> None:
    archive = FakeArchive(key(2))
    response = write(sqs_event(body(1), body(2)), archive=archive, dead_letters=FakeDeadLetters())
    assert response == kept("m2")
    assert list(archive.objects) == [key(1)]


def test_s23_an_empty_record_is_a_dead_letter_that_names_place_and_rule() -> None:
    archive, dead_letters = FakeArchive(), FakeDeadLetters()
    empty = json.dumps(json.loads(body(1)) | {"transactions": [{}]})
    assert write(sqs_event(empty), archive=archive, dead_letters=dead_letters) == kept()
    assert archive.objects == {}
    assert dead_letters.letters == [
        (
            "m1",
            "invalid_batch: transactions[0].amount_minor: missing; a record of kind transfer "
            "needs it",
        )
    ]


def test_s43_a_message_that_the_dead_letter_queue_refuses_stays() -> None:
    response = write(
        sqs_event("{}"), archive=FakeArchive(), dead_letters=FakeDeadLetters(accepts=False)
    )
    assert response == kept("m1")
