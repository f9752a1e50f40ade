"""S43: a redrive that ends at any call, or meets another one, loses nothing."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from lambda_src.shared import queue_messages
from operations import redrive
from operations.dead_letters import hold
from operations.dead_letters.queue import Queue
from operations.dead_letters.sending import Sending
from tests.account import Account
from tests.operations.dead_letter_queues import SUFFIX, Queues
from tests.patience import PATIENCE_SECONDS

BODIES = frozenset({"first", "second", "third", "other"})
WANTED = ("--reason", "outage", "--answer", "yes")


class Killed(BaseException):
    """The process is gone: nothing in it runs any more."""


class Calls:
    """A client of SQS that does something before or after one of its calls."""

    def __init__(self, account: Account) -> None:
        self.client = boto3.client("sqs", endpoint_url=account.endpoint_url)
        self._steps = 0
        self._at: int | None = None
        self._happens: Callable[[], None] = lambda: None
        self._is_dead = False
        for event in ("before-call.sqs", "after-call.sqs"):
            self.client.meta.events.register(event, self._step)

    def at(self, step: int, happens: Callable[[], None]) -> None:
        self._steps, self._at, self._happens, self._is_dead = 0, step, happens, False

    @property
    def is_past(self) -> bool:
        """True if the step was reached."""
        return self._at is not None and self._steps > self._at

    def kill(self) -> None:
        self._is_dead = True

    def _step(self, **_: object) -> None:
        if self._steps == self._at:
            self._steps += 1
            self._happens()
        else:
            self._steps += 1
        if self._is_dead:
            raise Killed


@pytest.fixture
def calls(asked: Account, no_waiting: None, monkeypatch: pytest.MonkeyPatch) -> Calls:
    monkeypatch.setattr(queue_messages, "ENTRIES_MAX", 2)  # so that two calls are needed
    return Calls(asked)


def environments(account: Account) -> Iterator[tuple[str, Queues]]:
    """Queues with the same letters, again and again."""
    for number in range(100):
        suffix = f"step-{number}"
        queues = Queues(account, "transaction", suffix)
        for body in sorted(BODIES):
            queues.put_dead_letter(body, "bad_json" if body == "other" else "outage")
        yield suffix, queues


def run_with(client: Any, monkeypatch: pytest.MonkeyPatch, suffix: str) -> int:
    with monkeypatch.context() as patch:
        patch.setattr(boto3.Session, "client", lambda *_, **__: client)
        return redrive.main(["--suffix", suffix, *WANTED])


def until_nothing_is_hidden(queues: Queues) -> None:
    """SQS shows again what a killed program has hidden."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while queues.letters()["hidden"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_s43_killed_before_or_after_any_call_nothing_is_lost(
    asked: Account, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: dict[str, Queues] = {}
    with monkeypatch.context() as patch:
        patch.setattr(hold, "HIDDEN_SECONDS", 1)
        for step, (suffix, queues) in enumerate(environments(asked)):
            calls.at(step, calls.kill)
            try:
                run_with(calls.client, monkeypatch, suffix)
                break  # it ended before this step
            except Killed:
                killed[suffix] = queues
    assert len(killed) > 10
    for suffix, queues in killed.items():
        until_nothing_is_hidden(queues)
        run_with(asked.client("sqs"), monkeypatch, suffix)
        assert queues.sent_back(is_doubled=True).keys() == BODIES - {"other"}, suffix
        assert queues.letters() == {"visible": 1, "hidden": 0}, suffix


def test_s43_interrupted_between_sending_and_deleting_it_goes_on_at_once(
    asked: Account,
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    calls.client.meta.events.register("before-call.sqs.DeleteMessageBatch", interrupt)
    suffix, queues = next(environments(asked))

    assert run_with(calls.client, monkeypatch, suffix) == 130

    said = capsys.readouterr().out
    assert "interrupted; nothing is lost" in said
    assert "sent 2 of 3" in said
    assert queues.letters() == {"visible": 4, "hidden": 0}
    assert run_with(asked.client("sqs"), monkeypatch, suffix) == 0
    assert queues.sent_back(is_doubled=True).keys() == BODIES - {"other"}
    assert queues.letters() == {"visible": 1, "hidden": 0}


def test_s43_two_at_the_same_time_lose_nothing_and_send_nothing_else(
    asked: Account, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second runs as a whole before or after any call of the first."""
    for step, (suffix, queues) in enumerate(environments(asked)):
        second = asked.client("sqs")

        def click_again(client: Any = second, suffix: str = suffix) -> None:
            run_with(client, monkeypatch, suffix)

        calls.at(step, click_again)
        run_with(calls.client, monkeypatch, suffix)
        if not calls.is_past:
            break

        run_with(second, monkeypatch, suffix)
        assert queues.sent_back(is_doubled=True).keys() == BODIES - {"other"}, step
        assert queues.letters() == {"visible": 1, "hidden": 0}, step


@pytest.fixture
def queue(queues: Queues, asked: Account) -> Queue:
    return Queue(
        sqs=asked.client("sqs"),
        name=f"transaction-dead-letters-{SUFFIX}",
        url=queues.dead,
        source_name=f"transaction-queue-{SUFFIX}",
        source_url=queues.url,
    )


@pytest.fixture
def short_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold ends after one receive."""
    now = iter(range(0, 1_000_000, hold.READ_SECONDS_MAX - 1))
    monkeypatch.setattr(hold, "monotonic", lambda: next(now))


@pytest.mark.usefixtures("short_time")
def test_s43_what_takes_longer_than_letters_stay_hidden_goes_on_in_another_hold(
    queues: Queues, queue: Queue
) -> None:
    ids = [queues.put_dead_letter(str(n)) for n in range(25)]

    sending = Sending(queue, message_ids=ids)
    sending.run()

    assert (sending.sent, sending.remaining) == (25, set())
    assert len(queues.sent_back()) == 25


@pytest.mark.usefixtures("short_time")
def test_s43_it_ends_if_a_hold_has_found_none_of_the_letters(queues: Queues, queue: Queue) -> None:
    ids = [queues.put_dead_letter(str(n)) for n in range(25)]

    sending = Sending(queue, message_ids=ids[-5:])
    sending.run()

    assert sending.remaining == {*ids[-5:]}
    assert queues.letters() == {"visible": 25, "hidden": 0}
