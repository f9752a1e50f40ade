"""Sends chosen letters back to the queue that they came from.

Each is sent before it is deleted: whatever happens in between, it is in one of the two queues, or
in both. Sending one twice is safe: a transaction id has one result, and a batch is stored once.

Only letters of the list are sent. One that fails again returns as a new message with a new id, so
it is not sent a second time.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lambda_src.shared.message_attributes import size_in_bytes
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
        self.sent = 0
        self.refusals: list[str] = []  # codes: not sent
        self.undeleted: list[str] = []  # codes: sent, and still among the dead letters

    def run(self) -> None:
        """Returns when all are sent, or no more can be found."""
        while True:
            before = len(self.remaining)
            with Hold(self._queue) as hold:
                for letters in hold:
                    self._handle(letters, hold)
                    if not self.remaining:
                        break
            if hold.is_complete or len(self.remaining) in (0, before):
                return

    def _handle(self, letters: Sequence[Letter], hold: Hold) -> None:
        wanted = [letter for letter in letters if letter.message_id in self.remaining]
        entries = [_entry(letter, id_=str(index)) for index, letter in enumerate(wanted)]
        for group in groups(entries, size_of=_size):
            self._send(group, wanted, hold)

    def _send(self, entries: "Sequence[Entry]", wanted: Sequence[Letter], hold: Hold) -> None:
        answer = self._queue.sqs.send_message_batch(
            QueueUrl=self._queue.source_url, Entries=entries
        )
        self.refusals += [failed["Code"] for failed in answer.get("Failed", [])]
        done = [wanted[int(entry["Id"])] for entry in answer.get("Successful", [])]
        if done:
            self.sent += len(done)
            self.remaining -= {letter.message_id for letter in done}
            self.undeleted += hold.delete(done)


def _entry(letter: Letter, *, id_: str) -> "Entry":
    return {
        "Id": id_,
        "MessageBody": letter.body,
        "MessageAttributes": letter.original_attributes,
    }


def _size(entry: "Entry") -> int:
    return size_in_bytes(entry["MessageBody"], entry["MessageAttributes"])
