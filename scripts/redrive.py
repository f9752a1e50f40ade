"""`make redrive SUFFIX=... [QUEUE=transaction|audit]`: looks at dead letters, and sends them back.

First it looks and changes nothing: how many, why, since when. Then, if answered yes, each letter is
sent to the queue that it came from and only then deleted, without its reason: whatever stops this
in between, nothing is lost, and what is there twice never posts twice. It is about the letters that
were there when it began: one that comes straight back is not sent again.

SQS can move messages by itself (StartMessageMoveTask), but only those that it buried itself: of
those that our functions buried with a reason it does not know where they came from.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

KINDS: Final = ("transaction", "audit")
LOOKED_AT_MAX: Final = 1000
WAIT_SECONDS: Final = 2  # long enough that SQS asks all of its servers, not a sample
HIDDEN_SECONDS: Final = 60  # while we have them; after that, whatever we did, they are seen again
DEFAULT_REGION: Final = "us-east-1"
REASON, FIRST_SENT_AT = "reason", "first_sent_at"
NO_REASON: Final = "none given: received too often"


class RedriveError(Exception):
    """It cannot be done as asked; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    message_id: str
    receipt_handle: str
    body: str
    attributes: dict[str, Any]
    sent_at: datetime

    @property
    def reason(self) -> str:
        """Its first word, such as `bad_json`: the rest is about this one letter."""
        text: str = self.attributes.get(REASON, {}).get("StringValue", NO_REASON)
        return text if text == NO_REASON else text.partition(":")[0]


@dataclass(kw_only=True)
class Findings:
    reasons: Counter[str] = field(default_factory=Counter)
    oldest: datetime | None = None


class DeadLetters:
    """The letters of one queue. `move` counts in `moved` what it has sent back so far."""

    def __init__(self, *, sqs: "SQSClient", url: str, source_url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._source_url = source_url
        self.moved = 0

    def look(self) -> Findings:
        """Of up to LOOKED_AT_MAX letters, which are as they were afterwards."""
        found, seen = Findings(), []
        try:
            for letter in islice(self._receive(sent_before=now()), LOOKED_AT_MAX):
                seen.append(letter)
                found.reasons[letter.reason] += 1
                found.oldest = min(found.oldest or letter.sent_at, letter.sent_at)
        finally:
            for letter in seen:
                self._sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=letter.receipt_handle, VisibilityTimeout=0
                )
        return found

    def move(self, *, is_wanted: Callable[[Letter], bool]) -> None:
        for letter in self._receive(sent_before=now()):
            if not is_wanted(letter):
                continue
            kept = {
                name: _as_sent(value)
                for name, value in letter.attributes.items()
                if name not in (REASON, FIRST_SENT_AT)  # it begins anew
            }
            self._sqs.send_message(
                QueueUrl=self._source_url, MessageBody=letter.body, MessageAttributes=kept
            )
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt_handle)
            self.moved += 1

    def _receive(self, *, sent_before: datetime) -> Iterator[Letter]:
        """Each letter once, until the queue gives none but later ones and those that we had."""
        had: set[str] = set()
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            letters = [
                letter
                for letter in map(_letter, answer.get("Messages", []))
                if letter.message_id not in had and letter.sent_at < sent_before
            ]
            if not letters:
                return
            had |= {letter.message_id for letter in letters}
            yield from letters


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


def _as_sent(value: dict[str, Any]) -> Any:
    """What a receive tells of an attribute, without what a send does not take."""
    return {k: v for k, v in value.items() if k in ("DataType", "StringValue", "BinaryValue")}


def open_queue(sqs: "SQSClient", *, suffix: str, kind: str) -> DeadLetters:
    """Raises RedriveError when there is no such environment here."""
    urls = []
    for name in (f"{kind}-dead-letters-{suffix}", f"{kind}-queue-{suffix}"):
        try:
            urls.append(sqs.get_queue_url(QueueName=name)["QueueUrl"])
        except sqs.exceptions.QueueDoesNotExist:
            raise RedriveError(
                f"SUFFIX={suffix!r}: there is no queue {name} at {sqs.meta.endpoint_url}; check "
                "the suffix (EnvironmentSuffix in the stack's outputs) and whose credentials these "
                "are, or add LOCAL=yes for an environment of the local cloud"
            ) from None
    return DeadLetters(sqs=sqs, url=urls[0], source_url=urls[1])


def show(found: Findings, *, kind: str, suffix: str) -> None:
    print(f"{found.reasons.total()} letters in {kind}-dead-letters-{suffix}")
    if found.reasons.total() == LOOKED_AT_MAX:
        print(f"(at least; no more than {LOOKED_AT_MAX} are looked at)")
    for reason, count in found.reasons.most_common():
        print(f"  {count:>6}  {reason}")
    if found.oldest is not None:
        print(f"  oldest of {found.oldest:%Y-%m-%d %H:%M:%S} UTC")


def is_agreed(answer: str) -> bool:
    if not answer and sys.stdin.isatty():
        answer = input("send them back? yes or no: ").strip()
    if answer not in ("yes", "no", ""):
        raise RedriveError(f"ANSWER={answer!r}: must be yes or no")
    if not answer:
        print("nothing was changed; add ANSWER=yes to send them back")
    return answer == "yes"


def local_settings(suffix: str) -> dict[str, str]:
    """How to reach the local cloud that this environment lives in. Raises RedriveError."""
    state = Path(os.environ.get("LOCAL_STATE") or ".local")
    file = state / "environments" / f"{suffix}.json"
    if not file.is_file():
        raise RedriveError(
            f"SUFFIX={suffix!r}: the local cloud has none (no {file}); see make status"
        )
    endpoint = json.loads(file.read_text())["aws_endpoint_url"]
    any_credentials = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "any")
    return {"endpoint_url": endpoint, **any_credentials}


def redrive(*, suffix: str, kind: str, reason: str, answer: str, is_local: bool) -> int:
    if not suffix:
        raise RedriveError("SUFFIX is empty: name the environment, as in SUFFIX=main-f921bd")
    if kind not in KINDS:
        raise RedriveError(f"QUEUE={kind!r}: must be one of {', '.join(KINDS)}")
    region = boto3.session.Session().region_name or DEFAULT_REGION
    settings: Any = local_settings(suffix) if is_local else {}
    letters = open_queue(
        boto3.client("sqs", region_name=region, **settings), suffix=suffix, kind=kind
    )
    found = letters.look()
    show(found, kind=kind, suffix=suffix)
    if reason and reason not in found.reasons:
        raise RedriveError(f"REASON={reason!r}: no letter has it; the reasons are listed above")
    if found.reasons.total() == 0 or not is_agreed(answer):
        return 0
    try:
        letters.move(is_wanted=lambda letter: reason in ("", letter.reason))
    except KeyboardInterrupt:
        print(
            f"\ninterrupted after {letters.moved}; nothing is lost. The rest can be seen again "
            f"after {HIDDEN_SECONDS} s: run this again to go on"
        )
        return 130
    print(f"sent {letters.moved} back to {kind}-queue-{suffix}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make redrive", description=__doc__)
    parser.add_argument("--suffix", default="")
    parser.add_argument("--queue", default=KINDS[0])
    parser.add_argument("--reason", default="", help="only letters with this reason")
    parser.add_argument("--answer", default="", help="yes or no; without it, asked")
    parser.add_argument("--local", default="", help="yes: in the local cloud of this checkout")
    chosen = parser.parse_args(arguments)
    try:
        return redrive(
            suffix=chosen.suffix,
            kind=chosen.queue,
            reason=chosen.reason,
            answer=chosen.answer,
            is_local=bool(chosen.local),
        )
    except RedriveError as error:
        print(f"error: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(
            f"error: {error}; credentials for the environment's account are needed, as "
            "docs/aws.md says, or LOCAL=yes. Letters that were not sent back are where they were",
            file=sys.stderr,
        )
    return 1


if __name__ == "__main__":
    sys.exit(main())
