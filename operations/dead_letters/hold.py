"""Receives the letters of a queue one after another, and holds them until all were seen.

SQS cannot list a queue. It can only hand out messages, which it then hides from every receiver for
a time; a message that is not hidden may be handed out again. So each letter stays hidden until the
end, and is then released. If the program is killed, SQS releases it after HIDDEN_SECONDS.

Receiving raises the letter's receive count. That has no effect: the queue of dead letters has no
redrive policy, and a letter that is sent back is a new message, whose count begins at zero. It
changes neither the age of a letter nor the time at which SQS deletes it.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from time import monotonic
from types import TracebackType
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.queue_messages import ENTRIES_MAX
from operations.dead_letters.letter import SYSTEM_ATTRIBUTES, Letter
from operations.dead_letters.queue import Queue

WAIT_SECONDS: Final = 2  # a long poll: SQS asks all of its servers, not a sample
HIDDEN_SECONDS: Final = 600
# Reading stops here, before the first letters appear again.
READ_SECONDS_MAX: Final = 480
# SQS hides at most about 120,000 messages of a queue at a time
# (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html).
HELD_MAX: Final = 100_000
# Receives in a row without a new letter. SQS may deliver a letter twice: one such receive does not
# mean that there are no others.
WITHOUT_NEWS_MAX: Final = 5
_NOT_HIDDEN_ANYWAY: Final = "MessageNotInflight"


class Hold:
    """`with Hold(queue) as hold: for letters in hold: ...`; the end releases what is left."""

    def __init__(self, queue: Queue, *, held_max: int | None = None) -> None:
        """`held_max`: reading ends once it holds as many; else at what SQS can hide."""
        self._queue = queue
        self._held_max = HELD_MAX if held_max is None else held_max
        self._handles: dict[str, str] = {}  # by id: the receipt handle of each hidden letter
        self.is_complete = False  # True once the queue had no other letter

    def __enter__(self) -> "Hold":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    def __iter__(self) -> Iterator[list[Letter]]:
        """Yield each letter once, up to ten at a time, until the queue has no other."""
        ends_at = monotonic() + READ_SECONDS_MAX
        had: set[str] = set()
        without_news = 0
        while without_news < WITHOUT_NEWS_MAX:
            if len(self._handles) >= self._held_max or monotonic() > ends_at:
                return
            letters = self._receive()
            if not letters:
                break
            news = [letter for letter in letters if letter.message_id not in had]
            without_news = 0 if news else without_news + 1
            had |= {letter.message_id for letter in news}
            yield news
        self.is_complete = True

    def delete(self, letters: Sequence[Letter]) -> list[str]:
        """Delete these letters, ten at most. The codes of those that SQS did not delete."""
        answer = self._queue.sqs.delete_message_batch(
            QueueUrl=self._queue.url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": self._handles[letter.message_id]}
                for index, letter in enumerate(letters)
            ],
        )
        for done in answer.get("Successful", []):
            del self._handles[letters[int(done["Id"])].message_id]
        return [failed["Code"] for failed in answer.get("Failed", [])]

    def _receive(self) -> list[Letter]:
        answer = self._queue.sqs.receive_message(
            QueueUrl=self._queue.url,
            MaxNumberOfMessages=ENTRIES_MAX,
            WaitTimeSeconds=WAIT_SECONDS,
            VisibilityTimeout=HIDDEN_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
        )
        letters = [Letter.of(message) for message in answer.get("Messages", [])]
        self._handles |= {letter.message_id: letter.receipt_handle for letter in letters}
        return letters

    def _release(self) -> None:
        """Make the letters that were received and not deleted visible again."""
        handles = iter([*self._handles.values()])
        self._handles.clear()
        stuck = []
        while some := list(islice(handles, ENTRIES_MAX)):
            stuck += self._make_visible(some)
        if stuck:
            print(f"{len(stuck)} stay hidden for up to {HIDDEN_SECONDS} s: {stuck[0]}")

    def _make_visible(self, handles: Sequence[str]) -> list[str]:
        """The codes of those that stay hidden."""
        try:
            answer = self._queue.sqs.change_message_visibility_batch(
                QueueUrl=self._queue.url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for index, handle in enumerate(handles)
                ],
            )
        except (BotoCoreError, ClientError) as error:  # of several errors the first one counts
            return [str(error)] * len(handles)
        codes = [failure["Code"] for failure in answer.get("Failed", [])]
        return [code for code in codes if not code.endswith(_NOT_HIDDEN_ANYWAY)]
