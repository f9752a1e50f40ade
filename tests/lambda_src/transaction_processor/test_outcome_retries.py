"""A message whose outcome was not taken is handled again, the later the longer the bus is away."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from lambda_src.shared.messages import Message
from lambda_src.transaction_processor.outcome_retries import OutcomeRetries
from tests.lambda_src.transaction_processor.outcome_messages import PROCESSOR, SENT_AT_MS, message


class FakeRenewal:
    def __init__(self, *refused: str) -> None:
        self.waits: dict[str, tuple[int, int]] = {}
        self.calls = 0
        self._refused = refused

    def renew(
        self,
        messages: Sequence[Message],
        *,
        wait_seconds: int,
        spread_seconds: int,
        seconds_left: Callable[[], float],
    ) -> list[Message]:
        assert seconds_left() == 17
        self.calls += 1
        self.waits |= {m.message_id: (wait_seconds, spread_seconds) for m in messages}
        return [m for m in messages if m.message_id in self._refused]


def retry(renewal: FakeRenewal, *ages: float) -> list[str]:
    """The ids of the messages that stay: m0, m1, ... were first sent `ages` seconds ago."""
    now = SENT_AT_MS / 1000
    retries = OutcomeRetries(renewal=renewal, role_id=PROCESSOR, now=lambda: now)
    messages = [
        replace(message(f"m{n}"), sent_at_ms=round((now - age) * 1000))
        for n, age in enumerate(ages)
    ]
    return [m.message_id for m in retries.retry(messages, seconds_left=lambda: 17)]


@pytest.mark.parametrize(
    ("age", "wait"), [(-1, 7), (0, 7), (13.9, 7), (14, 14), (100, 56), (447, 224), (86_400, 448)]
)
def test_a_message_waits_about_as_long_as_it_has_waited(age: float, wait: int) -> None:
    renewal = FakeRenewal()
    assert retry(renewal, age) == []
    assert renewal.waits == {"m0": (wait, wait)}


def test_messages_that_wait_equally_long_are_sent_again_together() -> None:
    renewal = FakeRenewal()
    retry(renewal, *(n / 10 for n in range(200)))
    assert renewal.calls == 2


def test_a_message_that_cannot_be_sent_again_stays() -> None:
    assert retry(FakeRenewal("m1"), 1, 1, 1) == ["m1"]


def test_without_such_messages_nothing_happens() -> None:
    renewal = FakeRenewal()
    assert retry(renewal) == []
    assert renewal.calls == 0
