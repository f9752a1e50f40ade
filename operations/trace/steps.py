"""The way of a transaction as steps, in the order in which it takes them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app_service.ledger.actor import Path
from app_service.log_messages import BATCH_SENT, REQUEST_ANSWERED
from lambda_src.audit_verifier.trace_report import Recorded, SealedBatch
from lambda_src.shared.log_messages import BATCH_ARCHIVED, BATCH_POSTED, OUTCOMES_SENT
from operations.trace.evidence import Evidence, moment_of
from operations.trace.log_lines import Line, printable


class State(StrEnum):
    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"
    UNKNOWN = "unknown"  # no line says it


@dataclass(frozen=True, kw_only=True)
class Step:
    """`moment`: when it was done. Facts are texts by their names; lines are those of the log."""

    name: str
    state: State
    moment: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[Line] = ()


def steps_of(evidence: Evidence) -> list[Step]:
    found = evidence.trace.transaction
    steps = [*_requests(evidence), *_messages(evidence)]
    if found is None:
        facts = {"ledger": "not recorded"}
        lines = _other_lines(evidence)
        return [*steps, Step(name="posting", state=State.FAILED, facts=facts, lines=lines)]
    if found.path == Path.LEDGER:
        steps.append(Step(name="the ledger's own work", state=State.DONE))
    steps.append(_posting(found, _other_lines(evidence)))
    if found.state == "posted":
        steps += _into_the_trail(evidence)
    if found.path == Path.QUEUE:
        steps.append(_outcome(evidence, found))
    return steps


def _requests(evidence: Evidence) -> Iterator[Step]:
    """Each request that named the transaction, also the replays."""
    found = evidence.trace.transaction
    has_posted = False
    for line in evidence.service:
        if not _is_about(line, evidence):
            continue
        trace = str(line.fields.get("trace_id", ""))
        has_posted = has_posted or (found is not None and trace == (found.trace_id or ""))
        yield Step(
            name="request",
            state=State.DONE if int(line.fields.get("status", 0)) < 500 else State.FAILED,
            moment=line.moment,
            facts=_facts(
                {
                    "trace": trace,
                    "task": line.stream.rpartition("/")[2],
                    "status": line.fields.get("status"),
                    "duration": f"{line.fields.get('duration_ms')} ms",
                    "verdicts": _counts(line.fields.get("verdicts")),
                    "transactions": line.fields.get("transactions"),
                }
            ),
            lines=[line],
        )
    if found is not None and found.path == Path.API and not has_posted:
        # At most ten requests a second of a task have a line.
        yield Step(
            name="request",
            state=State.UNKNOWN,
            facts=_facts({"trace": found.trace_id or "none was sent", "line": "none in this time"}),
        )


def _is_about(line: Line, evidence: Evidence) -> bool:
    if line.message != REQUEST_ANSWERED:
        return False
    found = evidence.trace.transaction
    named = line.fields.get("transaction_ids", [])
    if str(evidence.subject.transaction_id) in named:
        return True
    # A client may use a trace for many requests: only one that does not name all can be about it.
    is_of_trace = found is not None and line.fields.get("trace_id") == found.trace_id is not None
    return is_of_trace and len(named) < int(line.fields.get("transactions", 0))


def _messages(evidence: Evidence) -> Iterator[Step]:
    """Each receive of a message that named the transaction."""
    found = evidence.trace.transaction
    transaction_id = str(evidence.subject.transaction_id)
    is_named = False
    for line in evidence.processor:
        if line.message == OUTCOMES_SENT:
            continue
        for named in _named(line, transaction_id):
            is_named = is_named or (found is not None and named["message_id"] == found.message_id)
            yield Step(
                name="message",
                state=State.DONE,
                moment=line.moment,
                facts=_facts(
                    {
                        "message": named.get("message_id"),
                        "sent": named.get("first_sent_at"),
                        "receives": named.get("receives"),
                        "result": named.get("status"),
                        "invocation": line.fields.get("requestId"),
                    }
                ),
                lines=[line],
            )
    if found is not None and found.path == Path.QUEUE and not is_named:
        # A line of a batch names ten of its messages.
        yield Step(
            name="message",
            state=State.UNKNOWN,
            facts=_facts({"message": found.message_id, "line": "none in this time"}),
            lines=[line for line in evidence.processor if line.message != OUTCOMES_SENT],
        )


def _named(line: Line, transaction_id: str) -> list[Mapping[str, Any]]:
    """What the line says of this transaction."""
    each: Any = line.fields.get("messages") if line.message == BATCH_POSTED else [line.fields]
    return [
        one
        for one in (each if isinstance(each, list) else [])
        if isinstance(one, dict) and one.get("transaction_id") == transaction_id
    ]


def _other_lines(evidence: Evidence) -> list[Line]:
    """Those that are of no request or message, such as errors."""
    transaction_id = str(evidence.subject.transaction_id)
    return [
        *(line for line in evidence.service if line.message != REQUEST_ANSWERED),
        *(
            line
            for line in evidence.processor
            if line.message not in (OUTCOMES_SENT, BATCH_POSTED)
            and not _named(line, transaction_id)
        ),
    ]


def _posting(found: Recorded, lines: Sequence[Line]) -> Step:
    amount = None if found.amount_minor is None else f"{found.amount_minor} {found.currency or ''}"
    return Step(
        name="posting",
        state=State.DONE if found.state == "posted" else State.FAILED,
        moment=moment_of(found.posted_at),
        facts=_facts(
            {
                "state": found.state,
                "reason": found.reason,
                "kind": found.kind,
                "amount": amount,
                "debit account": found.debit_account,
                "credit account": found.credit_account,
                "target": found.target_id,
                "chain": found.chain_id,
                "client": found.client_id,
                "user": found.user_id,
                "path": found.path,
            }
        ),
        lines=lines,
    )


def _into_the_trail(evidence: Evidence) -> Iterator[Step]:
    trace = evidence.trace
    if trace.outbox is not None:
        facts = {
            "row": trace.outbox.outbox_id,
            "with it": f"{trace.outbox.transactions} transactions",
        }
        yield Step(name="outbox", state=State.WAITING, facts=_facts(facts))
        return
    if trace.batch is not None:
        yield Step(name="outbox", state=State.DONE, moment=moment_of(trace.batch.sealed_at))
        yield _sealed(trace.batch)
        yield _sending(evidence, trace.batch)
        if trace.batch.sent_at is not None:
            yield _writing(evidence)
    yield _object(evidence)


def _sealed(batch: SealedBatch) -> Step:
    return Step(
        name="sealed batch",
        state=State.DONE,
        moment=moment_of(batch.sealed_at),
        facts=_facts(
            {
                "number": batch.chain_number,
                "batch": batch.batch_id,
                "transactions": batch.transactions,
            }
        ),
    )


def _sending(evidence: Evidence, batch: SealedBatch) -> Step:
    sent = [line for line in evidence.relay if line.message == BATCH_SENT]
    facts = {
        "audit message": sent[-1].fields.get("message_id") if sent else None,
        "task": sent[-1].stream.rpartition("/")[2] if sent else None,
        "refusals": batch.refusals or None,
        "last error": batch.last_error,
        "tried again": batch.due_at if batch.sent_at is None else None,
    }
    return Step(
        name="sending",
        state=State.WAITING if batch.sent_at is None else State.DONE,
        moment=None if batch.sent_at is None else moment_of(batch.sent_at),
        facts=_facts(facts),
        lines=evidence.relay,
    )


def _writing(evidence: Evidence) -> Step:
    stored = [line for line in evidence.writer if line.message == BATCH_ARCHIVED]
    if not stored:
        is_there = evidence.trace.object is not None
        return Step(
            name="audit writer",
            state=State.UNKNOWN if is_there else State.WAITING,
            facts=_facts({"line": "none in this time"}),
            lines=evidence.writer,
        )
    first = next((line for line in stored if line.fields.get("is_new")), stored[0])
    return Step(
        name="audit writer",
        state=State.DONE,
        moment=first.moment,
        facts=_facts(
            {
                "audit message": first.fields.get("message_id"),
                "receives": first.fields.get("receives"),
                "invocation": first.fields.get("requestId"),
            }
        ),
        lines=evidence.writer,
    )


def _object(evidence: Evidence) -> Step:
    trace = evidence.trace
    found = trace.object
    if found is None:
        return Step(name="object", state=State.WAITING, facts=_facts({"key": trace.key}))
    is_right = not found.faults and found.versions == 1
    facts = {
        "key": found.key,
        "version": found.version_id,
        "versions": found.versions if found.versions != 1 else None,
        "size": f"{found.size} bytes",
        "SHA-256": found.sha256,
        "number": found.chain_number,
        "hash of the record": found.record_hash,
        "verified": "as posted: hashes, chain and checksum" if is_right else None,
        "faults": "; ".join(found.faults) or None,
    }
    return Step(
        name="object",
        state=State.DONE if is_right else State.FAILED,
        moment=moment_of(found.modified_at),
        facts=_facts(facts),
    )


def _outcome(evidence: Evidence, found: Recorded) -> Step:
    for line in evidence.processor:
        for event in line.fields.get("events", ()) if line.message == OUTCOMES_SENT else ():
            if found.message_id in event.get("message_ids", ()):
                facts = {"event": event.get("event_id"), "type": event.get("detail_type")}
                return Step(
                    name="outcome event",
                    state=State.DONE,
                    moment=line.moment,
                    facts=_facts(facts),
                    lines=[line],
                )
    return Step(
        name="outcome event",
        state=State.UNKNOWN,
        facts=_facts({"message": found.message_id, "line": "none in this time"}),
    )


def _counts(found: object) -> str | None:
    """Of verdicts; None after an error, when they are not known."""
    if not isinstance(found, dict) or not found:
        return None
    return ", ".join(f"{verdict} {count}" for verdict, count in found.items())


def _facts(found: Mapping[str, object]) -> dict[str, str]:
    return {name: printable(str(value)) for name, value in found.items() if value not in (None, "")}
