"""The memory of these programs does not depend on the size or the number of the letters."""

import itertools
import tracemalloc
from typing import Any

from operations.dead_letters.findings import look
from operations.dead_letters.queue import Queue
from operations.dead_letters.selection import Selection
from operations.dead_letters.sending import Sending

LETTERS = 3_000
BODY_BYTES = 200_000


class Endless:
    """SQS with LETTERS letters of BODY_BYTES; each is made when it is received."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.sent = 0

    def get_queue_attributes(self, **_: Any) -> Any:
        return {"Attributes": {"ApproximateNumberOfMessagesNotVisible": "0"}}

    def receive_message(self, **_: Any) -> Any:
        numbers = [n for n in itertools.islice(self._numbers, 10) if n < LETTERS]
        return {"Messages": [self._letter(number) for number in numbers]}

    def change_message_visibility_batch(self, **_: Any) -> Any:
        self._numbers = itertools.count()  # they can be received again
        return {}

    def send_message_batch(self, **arguments: Any) -> Any:
        self.sent += len(arguments["Entries"])
        return {"Successful": [{"Id": entry["Id"]} for entry in arguments["Entries"]]}

    delete_message_batch = send_message_batch

    def _letter(self, number: int) -> Any:
        return {
            "MessageId": str(number),
            "ReceiptHandle": str(number),
            "Body": "x" * BODY_BYTES,
            "Attributes": {"SentTimestamp": "1764000000000"},
        }


def test_s43_letters_of_half_a_gigabyte_are_read_and_sent_in_little_memory() -> None:
    sqs: Any = Endless()
    queue = Queue(sqs=sqs, name="dead", url="dead", source_name="source", source_url="source")
    tracemalloc.start()
    try:
        found = look(queue, Selection())
        sending = Sending(queue, message_ids=found.selected)
        sending.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found.count == sending.sent == LETTERS
    assert peak < 40 * BODY_BYTES
