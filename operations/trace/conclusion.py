"""Where a transaction has stopped, and what to do next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app_service.log_messages import REQUEST_ANSWERED
from lambda_src.audit_verifier.settings import MISSING_AFTER_SECONDS
from lambda_src.audit_verifier.trace_report import Recorded, SealedBatch
from operations.trace.evidence import SOON, Evidence, moment_of
from operations.trace.log_lines import Line

SET_ASIDE: Final = 10  # refusals of a batch
_MISSING_AFTER: Final = timedelta(seconds=MISSING_AFTER_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """`is_done`: it has a result that stays, and if it is posted, it is in the audit trail."""

    is_done: bool
    text: str
    advice: tuple[str, ...] = ()


def conclude(evidence: Evidence) -> Conclusion:
    found = evidence.trace.transaction
    if found is None:
        return _unknown(evidence)
    if found.state != "posted":
        return Conclusion(
            is_done=True,
            text=f"refused for good: {found.reason}. Nothing was moved; every copy gets this "
            "answer, and a refusal is not in the audit trail",
            advice=("a new attempt needs a new id (docs/ledger.md)",),
        )
    return _posted(evidence, found)


def _posted(evidence: Evidence, found: Recorded) -> Conclusion:
    trace = evidence.trace
    if trace.object is not None:
        return _stored(evidence)
    if trace.batch is not None:
        if trace.batch.sent_at is None:
            return _not_sent(evidence, trace.batch)
        return _sent(evidence, found, moment_of(trace.batch.sent_at))
    if trace.outbox is not None:
        return _in_the_outbox(evidence, moment_of(trace.outbox.created_at))
    text = (
        "posted, and neither in the outbox nor in a batch of the next day, nor in one of the first "
        "objects after it"
    )
    if trace.not_searched:
        text = "posted; its batch was not found, but not everything was searched"
    return Conclusion(
        is_done=False,
        text=text,
        advice=(
            f"make verify-audit SUFFIX={evidence.suffix} FROM={found.posted_at} says whether it is "
            "in the audit trail (docs/runbooks/audit-discrepancies.md)",
        ),
    )


def _stored(evidence: Evidence) -> Conclusion:
    stored = evidence.trace.object
    assert stored is not None  # checked by the caller
    if not stored.faults and stored.versions == 1:
        return Conclusion(is_done=True, text="posted, and in the audit trail as it was posted")
    return Conclusion(
        is_done=False,
        text="posted, but its audit object is not what was posted, or was written more than once",
        advice=(
            "keep everything as it is, and follow docs/runbooks/audit-discrepancies.md",
            f"make verify-audit SUFFIX={evidence.suffix} shows what else differs",
        ),
    )


def _not_sent(evidence: Evidence, batch: SealedBatch) -> Conclusion:
    if batch.refusals >= SET_ASIDE:
        return Conclusion(
            is_done=False,
            text=f"posted; its batch is set aside: the audit queue has refused it {batch.refusals} "
            "times",
            advice=(
                f"find out why (docs/runbooks/outbox-set-aside.md), then "
                f"make resend SUFFIX={evidence.suffix}",
            ),
        )
    return Conclusion(
        is_done=False,
        text="posted; its batch is sealed and waits for the audit queue",
        advice=_when_late(evidence, moment_of(batch.sealed_at)),
    )


def _in_the_outbox(evidence: Evidence, since: datetime) -> Conclusion:
    return Conclusion(
        is_done=False,
        text="posted; it waits in the outbox for a relay",
        advice=_when_late(evidence, since),
    )


def _when_late(evidence: Evidence, since: datetime) -> tuple[str, ...]:
    if evidence.now - since < SOON:
        return ("ask again in a few seconds",)
    return ("it has waited for longer than a minute: docs/runbooks/outbox-age.md",)


def _sent(evidence: Evidence, found: Recorded, sent_at: datetime) -> Conclusion:
    if evidence.letter:
        return Conclusion(
            is_done=False,
            text=f"posted; its batch is a dead letter of the audit queue: {evidence.letter}",
            advice=(
                f"make dead-letters SUFFIX={evidence.suffix} QUEUE=audit "
                "(docs/runbooks/dead-letters.md)",
            ),
        )
    if evidence.now - sent_at < _MISSING_AFTER:
        return Conclusion(
            is_done=False,
            text="posted, and sent to the audit queue; there is no object yet",
            advice=(
                "ask again in a minute; if it stays, docs/runbooks/queue-age.md and "
                "docs/runbooks/audit-breaker-open.md",
            ),
        )
    return Conclusion(
        is_done=False,
        text="posted, and sent to the audit queue; there is no object, "
        f"{_minutes(evidence.now - sent_at)} minutes later",
        advice=(
            *_when_letters_are_unseen(evidence, what="its batch"),
            *(
                (
                    f"about {evidence.waiting} messages wait in the audit queue: "
                    "docs/runbooks/queue-age.md",
                )
                if evidence.waiting
                else ()
            ),
            f"make verify-audit SUFFIX={evidence.suffix} FROM={found.posted_at}; with "
            "APPLY=yes it sends the batch again",
        ),
    )


def _unknown(evidence: Evidence) -> Conclusion:
    if evidence.letter:
        return Conclusion(
            is_done=False,
            text=f"not recorded: its message is a dead letter: {evidence.letter}",
            advice=(
                f"docs/runbooks/dead-letters.md, then make redrive SUFFIX={evidence.suffix} "
                f"ID={evidence.subject.transaction_id}",
            ),
        )
    return Conclusion(is_done=False, text=_why_unknown(evidence), advice=tuple(_then(evidence)))


def _why_unknown(evidence: Evidence) -> str:
    answered = [line for line in evidence.service if line.message == REQUEST_ANSWERED]
    if answered:
        return f"not recorded: the last request was answered with {_status(answered[-1])}"
    if evidence.processor:
        return "not recorded: its message was received, and not posted"
    window = evidence.window
    where = "the standby that was read" if evidence.trace.is_from_standby else "the ledger"
    return (
        f"not recorded: {where} does not know this id, and no log line names it between "
        f"{window.start:%Y-%m-%dT%H:%M:%SZ} and {window.end:%Y-%m-%dT%H:%M:%SZ}"
    )


def _status(line: Line) -> str:
    verdicts = line.fields.get("verdicts")
    words = ", ".join(map(str, verdicts)) if verdicts else "its result is unknown to the client"
    return f"{line.fields.get('status')} ({words})"


def _when_letters_are_unseen(evidence: Evidence, *, what: str) -> Iterator[str]:
    if evidence.has_unseen_letters:
        yield f"{what} may be a dead letter that could not be looked at: see what was not read"


def _then(evidence: Evidence) -> Iterator[str]:
    yield from _when_letters_are_unseen(evidence, what="its message")
    if evidence.trace.is_from_standby:
        yield "ask again in a minute: the ledger's writer may know it"
    if any(line.message == REQUEST_ANSWERED for line in evidence.service):
        yield (
            "after a 503 send the same transaction again; after 400, 403 or 409 correct it "
            "(docs/ledger.md)"
        )
    elif not (evidence.processor or evidence.has_unseen_letters or evidence.trace.is_from_standby):
        yield "check the id and SUFFIX; FROM= and TO= look for log lines of another time"
    if evidence.waiting:
        yield (
            f"about {evidence.waiting} messages wait in the transaction queue, or are being "
            "processed: it may be one of them (docs/runbooks/queue-age.md)"
        )


def _minutes(passed: timedelta) -> int:
    return int(passed.total_seconds() // 60)
