"""S42: while S3 does not answer, batches wait; an object that it refuses does not stop others."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lambda_src.audit_writer import writer
from lambda_src.audit_writer.archive import ArchiveUnavailable, ObjectDiffers
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.audit_writer.guarded_archive import GuardedArchive
from lambda_src.audit_writer.refusals import ObjectRefused
from lambda_src.shared.breaker import Admission
from lambda_src.shared.messages import Message
from tests.lambda_src.audit_writer.test_writer import body, key
from tests.lambda_src.sqs_events import FakeDeadLetters, kept, sqs_event

CLOSED = Admission(is_admitted=True)
OPEN = Admission(is_admitted=False, wait_seconds=7, spread_seconds=20)


class Archive:
    """Fails for some keys: `away` as if S3 did not answer, `refused` because of the object,
    `hidden` as if the stored object could not be read. `stored` are there already; those in
    `broken` look different in the first answer."""

    def __init__(
        self,
        *,
        away: Sequence[str] = (),
        refused: Sequence[str] = (),
        stored: Sequence[str] = (),
        hidden: Sequence[str] = (),
        broken: Sequence[str] = (),
    ) -> None:
        self.calls: list[str] = []
        self.compared: list[str] = []
        self._stored = [*stored, *hidden, *broken]
        self._broken = [*broken]
        self._hidden = hidden
        self._away = away
        self._refused = refused

    def store(self, key: str, *_: object) -> bool:
        self.calls.append(key)
        if key in self._away:
            raise ArchiveUnavailable(f"{key}: SlowDown")
        if key in self._refused:
            raise ObjectRefused(f"{key}: EntityTooLarge")
        return key not in self._stored

    def compare(self, key: str, *_: object) -> None:
        self.compared.append(key)
        if key in self._hidden:
            raise ArchiveUnavailable(f"{key}: AccessDenied")
        if key in self._broken:
            self._broken.remove(key)
            raise ObjectDiffers(f"{key} has other metadata")


class Breaker:
    def __init__(self, admission: Admission) -> None:
        self.reported: list[str] = []
        self._admission = admission

    def admit(self) -> Admission:
        self.reported.append("asked")
        return self._admission

    def succeeded(self, admission: Admission) -> None:
        assert admission is self._admission
        self.reported.append("succeeded")

    def failed(self, admission: Admission) -> Admission:
        assert admission is self._admission
        self.reported.append("failed")
        return OPEN


class Queue:
    """Takes copies, except of the messages in `refused`."""

    def __init__(self, *refused: str) -> None:
        self.renewed: list[str] = []
        self.pauses: set[tuple[int, int]] = set()
        self.postponed: list[str] = []
        self._refused = refused

    def renew(
        self,
        messages: Sequence[Message],
        *,
        wait_seconds: int,
        spread_seconds: int,
        seconds_left: Callable[[], float],
    ) -> list[Message]:
        self.pauses.add((wait_seconds, spread_seconds))
        self.renewed += [m.message_id for m in messages if m.message_id not in self._refused]
        return [m for m in messages if m.message_id in self._refused]

    def postpone(self, messages: Sequence[Message], *, seconds_left: Callable[[], float]) -> None:
        self.postponed += [m.message_id for m in messages]


class Run:
    """One call of the function with the batches 1, 2, ... and its effects."""

    def __init__(
        self,
        archive: Archive,
        *bodies: str,
        admission: Admission = CLOSED,
        queue: Queue | None = None,
        receive_count: int = 1,
        seconds_left: Callable[[], float] = lambda: 30.0,
    ) -> None:
        self.archive = archive
        self.breaker = Breaker(admission)
        self.queue = queue or Queue()
        self.dead_letters = FakeDeadLetters()
        self.response = writer.write(
            sqs_event(*bodies, receive_count=receive_count),
            archive=archive,
            breaker=self.breaker,
            dead_letters=self.dead_letters,
            redelivery=self.queue,
            renewal=self.queue,
            receives_max=10,
            seconds_left=seconds_left,
        )


def test_s42_while_s3_does_not_answer_all_batches_are_sent_again_after_one_attempt() -> None:
    """Each attempt may take until a timeout, and the function has little time."""
    run = Run(Archive(away=[key(1), key(2)]), body(1), body(2), body(3))
    assert run.archive.calls == [key(1)]
    assert run.queue.renewed == ["m1", "m2", "m3"]
    assert run.queue.pauses == {(7, 20)}
    assert run.response == kept()
    assert run.dead_letters.letters == []
    assert run.breaker.reported == ["asked", "failed"]


def test_s42_while_the_breaker_is_open_s3_is_not_called() -> None:
    run = Run(Archive(), body(1), body(2), admission=OPEN)
    assert run.archive.calls == []
    assert run.queue.renewed == ["m1", "m2"]
    assert run.queue.pauses == {(7, 20)}
    assert run.breaker.reported == ["asked"]


def test_s42_a_batch_that_the_queue_does_not_take_again_stays_and_is_postponed() -> None:
    run = Run(Archive(away=[key(1)]), body(1), body(2), queue=Queue("m1"))
    assert run.response == kept("m1")
    assert (run.queue.renewed, run.queue.postponed) == (["m2"], ["m1"])


def test_s42_success_is_reported_once_for_all_batches() -> None:
    run = Run(Archive(), body(1), body(2))
    assert run.breaker.reported == ["asked", "succeeded"]
    assert run.queue.renewed == []


def test_s42_a_failure_after_a_success_does_not_count_for_the_breaker() -> None:
    """Else one batch that fails for ever could stop the others."""
    run = Run(Archive(away=[key(2)]), body(1), body(2), body(3))
    assert run.breaker.reported == ["asked", "succeeded"]
    assert run.queue.renewed == ["m2", "m3"]
    [(wait, spread)] = run.queue.pauses
    assert wait == 0 < spread


def test_s42_an_object_that_s3_refuses_stays_and_others_are_stored() -> None:
    run = Run(Archive(refused=[key(1)]), body(1), body(2))
    assert run.archive.calls == [key(1), key(2)]
    assert run.response == kept("m1")
    assert run.queue.postponed == ["m1"]
    assert run.breaker.reported == ["asked", "succeeded"]


def test_s42_an_object_that_s3_refuses_does_not_open_the_breaker() -> None:
    run = Run(Archive(refused=[key(1)]), body(1))
    assert run.breaker.reported == ["asked", "succeeded"]


def test_s43_an_object_that_s3_refuses_ten_times_is_a_dead_letter_with_its_reason() -> None:
    run = Run(Archive(refused=[key(1)]), body(1), receive_count=9)
    assert run.dead_letters.letters == []
    run = Run(Archive(refused=[key(1)]), body(1), receive_count=10)
    assert run.response == kept()
    [(message_id, reason)] = run.dead_letters.letters
    assert message_id == "m1"
    assert reason.startswith("refused_by_s3: ")


@pytest.mark.parametrize("seconds_left", [0.0, 22.9])
def test_s42_without_time_for_an_answer_and_for_renewals_no_batch_is_begun(
    seconds_left: float,
) -> None:
    run = Run(Archive(), body(1), seconds_left=lambda: seconds_left)
    assert (run.archive.calls, run.queue.renewed) == ([], ["m1"])
    assert run.breaker.reported == []


def test_s23_what_is_stored_already_is_compared() -> None:
    run = Run(Archive(stored=[key(1)]), body(1), body(2))
    assert (run.archive.calls, run.archive.compared) == ([key(1), key(2)], [key(1)])
    assert run.response == kept()


def test_s23_before_an_alarm_an_object_is_asked_for_again() -> None:
    """boto3 takes an answer that breaks off in its head for one without metadata and checksum."""
    run = Run(Archive(broken=[key(1)]), body(1))
    assert run.archive.compared == [key(1), key(1)]
    assert (run.response, run.dead_letters.letters) == (kept(), [])

    run = Run(Archive(broken=[key(1), key(1)]), body(1))
    [(_, reason)] = run.dead_letters.letters
    assert reason == f"altered: {key(1)} has other metadata"


def test_s43_without_time_for_the_dead_letter_queue_a_message_stays_and_others_are_stored() -> None:
    """Else Lambda would end the function, and all of its messages would come again."""
    left = iter([30.0])  # when the second batch is stored
    run = Run(Archive(), "{", body(2), seconds_left=lambda: next(left, 9.0))
    assert (run.archive.calls, run.dead_letters.letters) == ([key(2)], [])
    assert run.response == kept("m1")


def test_s42_what_cannot_be_compared_waits_and_is_no_failure_of_the_others() -> None:
    run = Run(Archive(hidden=[key(1)]), body(1), body(2))
    assert run.queue.renewed == ["m1", "m2"]
    assert run.breaker.reported == ["asked", "succeeded"]


def test_s42_a_comparison_is_begun_only_with_time_for_its_answer() -> None:
    left = iter([30.0, 22.9])
    archive = Archive(stored=[key(1)])
    guarded = GuardedArchive(
        archive=archive, breaker=Breaker(CLOSED), seconds_left=lambda: next(left)
    )
    with pytest.raises(ArchiveUnavailable, match="too little time"):
        guarded.store(PostedBatch.parse(body(1)))
    assert (archive.calls, archive.compared) == ([key(1)], [])


def test_without_a_valid_batch_the_breaker_is_not_asked() -> None:
    run = Run(Archive(), "{")
    assert run.breaker.reported == []
    assert len(run.dead_letters.letters) == 1


def test_an_error_of_the_program_is_no_outage() -> None:
    class Broken(Archive):
        def store(self, key: str, *_: object) -> Any:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Run(Broken(), body(1))
