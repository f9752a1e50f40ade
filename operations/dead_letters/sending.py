"""Sends chosen letters back to the queue that they came from.

Each is sent before it is deleted: whatever happens in between, it is in one of the two queues, or
in both. Sending one twice is safe: a transaction id has one result, and a batch is stored once.

Only letters of the list are sent. One that fails again returns as a new message with a new id, so
it is not sent a second time.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lambda_src.shared.queue_messages import groups
from operations.dead_letters.hold import Hold
from operations.dead_letters.letter import Letter
from operations.dead_letters.queue import Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry


class Sending:
    """Sends the letters with these message ids. `remaining` and `sent` say how far it has come."""

    def __init__(self, queue: Queue, *, message_ids: Iterable[str]) -> None:
        self._queue = queue
        self.remaining = {*message_ids}
        self.sent: set[str] = set()
        self.refusals: list[str] = []  # codes: not sent
        self.undeleted: list[str] = []  # codes: sent, and still among the dead letters

    def run(self) -> None:
        """Returns when all are sent, or no more can be found."""
        while self.remaining:
            before = len(self.remaining)
            with Hold(self._queue) as hold:
                for letters in hold:
                    self._handle(letters, hold)
                    if not self.remaining:
                        return
            if hold.is_complete or len(self.remaining) == before:
                return

    def _handle(self, letters: Sequence[Letter], hold: Hold) -> None:
        # SQS may hand out a letter again that was deleted a moment ago.
        again = [letter for letter in letters if letter.message_id in self.sent]
        wanted = [letter for letter in letters if letter.message_id in self.remaining]
        if again:
            hold.delete(again)
        entries = [(letter, _entry(letter, id_=str(i))) for i, letter in enumerate(wanted)]
        for group in groups(entries, size_of=lambda pair: _size(pair[1])):
            self._send([entry for _, entry in group], wanted, hold)

    def _send(self, entries: "Sequence[Entry]", wanted: Sequence[Letter], hold: Hold) -> None:
        answer = self._queue.sqs.send_message_batch(
            QueueUrl=self._queue.source_url, Entries=entries
        )
        self.refusals += [failed["Code"] for failed in answer.get("Failed", [])]
        done = [wanted[int(entry["Id"])] for entry in answer.get("Successful", [])]
        if done:
            self.sent |= {letter.message_id for letter in done}
            self.remaining -= self.sent
            self.undeleted += hold.delete(done)


def _entry(letter: Letter, *, id_: str) -> "Entry":
    return {
        "Id": id_,
        "MessageBody": letter.body,
        "MessageAttributes": letter.original_attributes,
    }


def _size(entry: "Entry") -> int:
    """The bytes that SQS counts: the body, and the name, type and value of each attribute."""
    size = len(entry["MessageBody"].encode())
    for name, value in entry["MessageAttributes"].items():
        size += len(name.encode())
        size += sum(len(p if isinstance(p, bytes) else str(p).encode()) for p in value.values())
    return size
