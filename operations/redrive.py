"""`make redrive [SUFFIX=...] [QUEUE=transaction|audit]`: shows dead letters, and sends them back.

First it shows their number, reasons and ages, and changes nothing. If the answer is yes, it sends
each letter to its source queue and then deletes it. An interruption loses nothing; a transaction
that is sent twice is posted once. Only letters that were there at the start are sent: a letter that
returns at once is not sent again.

SQS can move messages by itself (StartMessageMoveTask), but only those that it moved to the
dead-letter queue itself. Our functions send letters there with a reason: SQS does not know their
source queue.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.message_attributes import REASON, sender_attributes_of
from operations.account import NoSuffix, open_session, required

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

KINDS: Final = ("transaction", "audit")
LOOKED_AT_MAX: Final = 1000
WAIT_SECONDS: Final = 2  # a long poll: SQS asks all of its servers, not a sample
# Received letters stay hidden this long if this program is killed. Enough for LOOKED_AT_MAX.
HIDDEN_SECONDS: Final = 600
ENTRIES_PER_CALL: Final = 10  # a limit of SQS
# Receives in a row without a new letter. SQS may deliver a letter twice: one such receive does not
# mean that there are no others.
WITHOUT_NEWS_MAX: Final = 5
NOT_HIDDEN_ANYWAY: Final = "MessageNotInflight"
NO_REASON: Final = "none given: received too often"


class RedriveError(Exception):
    """The request cannot be carried out; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    message_id: str
    receipt_handle: str
    body: str
    attributes: dict[str, Any]
    sent_at: datetime

    @property
    def reason(self) -> str:
        """The first word of the reason, such as `bad_json`: the rest describes this letter only."""
        text: str = self.attributes.get(REASON, {}).get("StringValue", NO_REASON)
        return text if text == NO_REASON else text.partition(":")[0]


@dataclass(kw_only=True)
class Findings:
    reasons: Counter[str] = field(default_factory=Counter)
    oldest: datetime | None = None


class DeadLetters:
    """The letters of one dead-letter queue that were there at the start.

    `moved` counts the letters that `move` has sent back so far.
    """

    def __init__(self, *, sqs: "SQSClient", url: str, source_url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._source_url = source_url
        self._began = now()
        self._held: dict[str, str] = {}  # by id: the receipt handle of each hidden letter
        self.moved = 0

    def look(self) -> Findings:
        """Read up to LOOKED_AT_MAX letters without changing them."""
        found = Findings()
        try:
            for letter in islice(self._receive(), LOOKED_AT_MAX):
                found.reasons[letter.reason] += 1
                found.oldest = min(found.oldest or letter.sent_at, letter.sent_at)
        finally:
            self._release()
        return found

    def move(self, *, is_wanted: Callable[[Letter], bool]) -> None:
        """Send the wanted letters back to their queue."""
        try:
            for letter in self._receive():
                if is_wanted(letter):
                    self._send_back(letter)
        finally:
            self._release()

    def _send_back(self, letter: Letter) -> None:
        self._sqs.send_message(
            QueueUrl=self._source_url,
            MessageBody=letter.body,
            # Not when it was first sent: its age counts again.
            MessageAttributes=sender_attributes_of(letter.attributes, is_dead_letter=True),
        )
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt_handle)
        del self._held[letter.message_id]
        self.moved += 1

    def _receive(self) -> Iterator[Letter]:
        """Yield each letter once, until the queue returns nothing, or several times nothing new."""
        had: set[str] = set()
        without_news = 0
        while without_news < WITHOUT_NEWS_MAX:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=ENTRIES_PER_CALL,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            letters = [_letter(message) for message in answer.get("Messages", [])]
            if not letters:
                return
            self._held |= {letter.message_id: letter.receipt_handle for letter in letters}
            news = [x for x in letters if x.message_id not in had and x.sent_at < self._began]
            without_news = 0 if news else without_news + 1
            had |= {letter.message_id for letter in news}
            yield from news

    def _release(self) -> None:
        """Make the letters that were received and not deleted visible again."""
        handles = iter([*self._held.values()])
        self._held.clear()
        while some := list(islice(handles, ENTRIES_PER_CALL)):
            answer = self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for index, handle in enumerate(some)
                ],
            )
            codes = [failure["Code"] for failure in answer.get("Failed", [])]
            stuck = [code for code in codes if not code.endswith(NOT_HIDDEN_ANYWAY)]
            if stuck:
                print(
                    f"stays hidden for up to {HIDDEN_SECONDS} s: {_counted(len(stuck))}, {stuck[0]}"
                )


def now() -> datetime:
    return datetime.now(UTC)


def _letter(message: Any) -> Letter:
    return Letter(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        attributes=message.get("MessageAttributes", {}),
        sent_at=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
    )


def open_queue(sqs: "SQSClient", *, suffix: str, kind: str) -> DeadLetters:
    """Raises RedriveError if the environment has no such queues."""
    urls = []
    for name in (f"{kind}-dead-letters-{suffix}", f"{kind}-queue-{suffix}"):
        try:
            urls.append(sqs.get_queue_url(QueueName=name)["QueueUrl"])
        except sqs.exceptions.QueueDoesNotExist:
            raise RedriveError(
                f"SUFFIX={suffix!r}: there is no queue {name} at {sqs.meta.endpoint_url}; check "
                "the suffix (`make status`, or EnvironmentSuffix in the stack's outputs) and whose "
                "credentials these are; AWS=yes asks AWS instead of the local cloud"
            ) from None
    return DeadLetters(sqs=sqs, url=urls[0], source_url=urls[1])


def show(found: Findings, *, kind: str, suffix: str) -> None:
    print(f"{_counted(found.reasons.total())} in {kind}-dead-letters-{suffix}")
    if found.reasons.total() == LOOKED_AT_MAX:
        print(f"(at least; no more than {LOOKED_AT_MAX} are looked at)")
    for reason, count in found.reasons.most_common():
        print(f"  {count:>6}  {reason}")
    if found.oldest is not None:
        print(f"  oldest of {found.oldest:%Y-%m-%d %H:%M:%S} UTC")


def _counted(letters: int) -> str:
    return f"{letters} dead letter" + ("" if letters == 1 else "s")


def is_agreed(answer: str) -> bool:
    if not answer and sys.stdin.isatty():
        answer = input("send them back? yes or no: ").strip()
    if answer not in ("yes", "no", ""):
        raise RedriveError(f"ANSWER={answer!r}: must be yes or no")
    if not answer:
        print("nothing was changed; add ANSWER=yes to send them back")
    return answer == "yes"


def redrive(*, suffix: str, kind: str, reason: str, answer: str) -> int:
    if kind not in KINDS:
        raise RedriveError(f"QUEUE={kind!r}: must be one of {', '.join(KINDS)}")
    letters = open_queue(open_session().client("sqs"), suffix=required(suffix), kind=kind)
    found = letters.look()
    show(found, kind=kind, suffix=suffix)
    if reason and reason not in found.reasons:
        raise RedriveError(f"REASON={reason!r}: no letter has it; the reasons are listed above")
    if found.reasons.total() == 0 or not is_agreed(answer):
        return 0
    try:
        letters.move(is_wanted=lambda letter: reason in ("", letter.reason))
    except KeyboardInterrupt:
        print(f"\ninterrupted after {letters.moved}; nothing is lost: run this again to go on")
        return 130
    expected = found.reasons[reason] if reason else found.reasons.total()
    print(f"sent {letters.moved} of {expected} back to {kind}-queue-{suffix}")
    has_unseen = found.reasons.total() == LOOKED_AT_MAX
    if letters.moved == expected or (has_unseen and letters.moved > expected):
        return 0
    print("these differ: another program may hold or have taken some; run this again to look")
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make redrive", description=__doc__)
    parser.add_argument("--suffix", default="")
    parser.add_argument("--queue", default=KINDS[0])
    parser.add_argument("--reason", default="", help="only letters with this reason")
    parser.add_argument("--answer", default="", help="yes or no; without it, asked")
    chosen = parser.parse_args(arguments)
    try:
        return redrive(
            suffix=chosen.suffix, kind=chosen.queue, reason=chosen.reason, answer=chosen.answer
        )
    except (NoSuffix, RedriveError) as error:
        print(f"error: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(
            f"error: {error}; on AWS credentials for the environment's account are needed, as "
            "docs/aws.md says. Letters that were not sent back are where they were",
            file=sys.stderr,
        )
    return 1


if __name__ == "__main__":
    sys.exit(main())
