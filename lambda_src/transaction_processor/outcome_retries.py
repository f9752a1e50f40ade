"""When a message is handled again because the bus has not taken its outcome.

The money has moved: the ledger answers `replayed`, and the outcome is sent then. While the bus is
away, every such message costs the ledger a call. Therefore it waits about as long as it has already
waited, up to a quarter of an hour: a bus that is away for hours adds few calls to those that post.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from lambda_src.shared.first_send import first_sent_at
from lambda_src.shared.messages import Message
from lambda_src.shared.queue_protocols import Renewal

_WAIT_FIRST_SECONDS = 7
_WAIT_MAX_SECONDS = 450  # and as much again by chance: SQS delays a message by 900 s at most


class OutcomeRetries:
    """`role_id` is the unique id of the function's role."""

    def __init__(self, *, renewal: Renewal, role_id: str, now: Callable[[], float]) -> None:
        self._renewal = renewal
        self._role_id = role_id
        self._now = now

    def retry(
        self, messages: Sequence[Message], *, seconds_left: Callable[[], float]
    ) -> list[Message]:
        """Send each to its queue again, so that this receive does not count towards a dead letter.

        Returns those that must stay as they are.
        """
        by_wait: defaultdict[int, list[Message]] = defaultdict(list)
        for message in messages:
            by_wait[self._wait(message)].append(message)
        kept = []
        for wait, some in by_wait.items():
            kept += self._renewal.renew(
                some, wait_seconds=wait, spread_seconds=wait, seconds_left=seconds_left
            )
        return kept

    def _wait(self, message: Message) -> int:
        """A few different values, so that messages can be sent again together."""
        age = self._now() - first_sent_at(message, role_id=self._role_id) / 1000
        wait = _WAIT_FIRST_SECONDS
        while 2 * wait <= min(age, _WAIT_MAX_SECONDS):
            wait *= 2
        return wait
