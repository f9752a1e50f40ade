"""Everything that an environment knows of one transaction: ledger, logs, queues."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from infra.component_names import (
    AUDIT_VERIFIER,
    AUDIT_WRITER,
    SERVICE,
    TRANSACTION_PROCESSOR,
    function_logs,
    service_logs,
)
from infra.queue_names import AUDIT, TRANSACTIONS, QueueNames
from lambda_src.audit_verifier.settings import TRACE
from lambda_src.audit_verifier.trace_report import Trace
from operations.dead_letters.findings import Findings, look
from operations.dead_letters.hold import HIDDEN_SECONDS
from operations.dead_letters.letter import Letter, described
from operations.dead_letters.queue import Queue, open_queue
from operations.dead_letters.selection import Selection
from operations.function_call import call
from operations.trace.log_lines import Line, LogReader, Window
from operations.trace.subject import Subject

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient

_ATTEMPTS: Final = 2  # of a call that only reads
# A batch that was sent is stored within seconds, if nothing is wrong.
SOON: Final = timedelta(minutes=1)
_AROUND: Final = timedelta(minutes=1)
_STORED_WITHIN: Final = timedelta(hours=1)
# A trace is asked for in passing, also by a click; `make dead-letters` looks at all.
LETTERS_MAX: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Clients:
    lambda_: "LambdaClient"
    logs: "CloudWatchLogsClient"
    sqs: "SQSClient"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    suffix: str
    subject: Subject
    now: datetime
    trace: Trace
    window: Window  # of the lines below
    service: list[Line]  # of the tasks, about the request
    processor: list[Line]
    relay: list[Line] = field(default_factory=list)  # of the tasks, about the batch
    writer: list[Line] = field(default_factory=list)
    letter: str = ""  # the dead letter that is about it
    waiting: int = 0  # messages in the queue where it could be
    has_unseen_letters: bool = False  # dead letters, one of which could be about it
    not_read: list[str] = field(default_factory=list)


def gather(clients: Clients, *, suffix: str, subject: Subject) -> Evidence:
    """Raises CallFailed or DeadLettersError."""
    answer = call(
        clients.lambda_,
        function=f"{AUDIT_VERIFIER}-{suffix}",
        event={TRACE: str(subject.transaction_id)},
        expected=TRACE,
        attempts=_ATTEMPTS,
    )
    trace = Trace.of_json(answer[TRACE])
    now = moment_of(trace.now)
    found = trace.transaction
    posted_at = None if found is None else moment_of(found.posted_at)
    window = subject.window(posted_at=posted_at, now=now)
    reader = LogReader(logs=clients.logs)
    ids = [str(subject.transaction_id)]
    if found is not None:
        ids += [each for each in (found.trace_id, found.message_id) if each is not None]
    relay, writer = _about_the_batch(reader, trace, suffix=suffix, now=now)
    places = _in_queues(clients.sqs, trace, suffix=suffix, subject=subject, now=now)
    return Evidence(
        suffix=suffix,
        subject=subject,
        now=now,
        trace=trace,
        window=window,
        service=reader.lines(service_logs(f"{SERVICE}-{suffix}"), ids, window),
        processor=reader.lines(function_logs(f"{TRANSACTION_PROCESSOR}-{suffix}"), ids, window),
        relay=relay,
        writer=writer,
        letter=places.letter,
        waiting=places.waiting,
        has_unseen_letters=bool(places.not_seen),
        not_read=[
            *_from_standby(trace),
            *reader.not_read,
            *map(_ended, trace.not_searched),
            *places.not_seen,
        ],
    )


def _from_standby(trace: Trace) -> Iterator[str]:
    if trace.is_from_standby:
        yield (
            "the ledger's writer, which did not answer: this was read from a standby, which may "
            "not have yet what was posted a moment ago"
        )


def _ended(place: str) -> str:
    return f"{place}: the search took too long, and was not continued"


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _about_the_batch(
    reader: LogReader, trace: Trace, *, suffix: str, now: datetime
) -> tuple[list[Line], list[Line]]:
    if trace.batch is None:
        return [], []
    ids = [trace.batch.batch_id]
    sealed_at = moment_of(trace.batch.sealed_at)
    sent_at = now if trace.batch.sent_at is None else moment_of(trace.batch.sent_at)
    sending = Window(start=sealed_at - _AROUND, end=sent_at + _AROUND)
    stored_at = min(now, sent_at + _STORED_WITHIN)
    if trace.object is not None:
        stored_at = moment_of(trace.object.modified_at)
    storing = Window(start=sealed_at - _AROUND, end=max(sent_at, stored_at) + _AROUND)
    return (
        reader.lines(service_logs(f"{SERVICE}-{suffix}"), ids, sending),
        reader.lines(function_logs(f"{AUDIT_WRITER}-{suffix}"), ids, storing),
    )


@dataclass(frozen=True, kw_only=True)
class _InQueue:
    letter: str = ""
    waiting: int = 0
    not_seen: tuple[str, ...] = ()  # of the letters, if none was found


def _in_queues(
    sqs: "SQSClient", trace: Trace, *, suffix: str, subject: Subject, now: datetime
) -> _InQueue:
    """Where it can be if the ledger, or the bucket, does not have it."""
    if trace.transaction is None:
        return _in_queue(sqs, TRANSACTIONS, subject, suffix=suffix)
    batch = trace.batch
    if batch is None or batch.sent_at is None or trace.object is not None:
        return _InQueue()
    if now - moment_of(batch.sent_at) < SOON:
        return _InQueue()
    return _in_queue(sqs, AUDIT, subject, suffix=suffix)


def _in_queue(sqs: "SQSClient", names: QueueNames, subject: Subject, *, suffix: str) -> _InQueue:
    queue = open_queue(sqs, suffix=suffix, names=names)
    letters: list[Letter] = []
    tell: Callable[[Letter], None] = letters.append
    wanted = Selection(wanted=subject.transaction_id)
    found = look(queue, wanted, tell=tell, letters_max=LETTERS_MAX)
    counted = sqs.get_queue_attributes(
        QueueUrl=queue.source_url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )["Attributes"]
    return _InQueue(
        letter="; ".join(map(described, letters)),
        waiting=sum(map(int, counted.values())),
        not_seen=() if letters else tuple(_not_seen(found, queue, names)),
    )


def _not_seen(found: Findings, queue: Queue, names: QueueNames) -> Iterator[str]:
    if found.hidden:
        yield (
            f"about {found.hidden} dead letters of {queue.name} are held by somebody else: "
            f"ask again in {HIDDEN_SECONDS // 60} minutes"
        )
    if not found.is_complete:
        yield (
            f"{queue.name} has more dead letters than the {found.count} that were looked at: "
            f"make redrive QUEUE={names.kind} ID=<id> ANSWER=no looks at all"
        )
