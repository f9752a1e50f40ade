"""Compares what an object holds with what the ledger has of the same transactions."""

from collections.abc import Mapping, Sequence

from app_service.outbox.canonical_record import HASH
from lambda_src.audit_verifier.archive import StoredObject
from lambda_src.audit_verifier.chain import Link
from lambda_src.audit_verifier.findings import Findings, shortened
from lambda_src.audit_verifier.records import (
    Record,
    UnreadableContent,
    line_of,
    lines_of,
    transaction_of,
)
from lambda_src.audit_verifier.report import Kind, Subject
from lambda_src.shared.audit_objects import METADATA, POSTED_AT, records_hash

# Records from before these formats have fewer fields, and no batch of theirs has a chain.
_IN_EVERY_FORMAT = frozenset(
    {"transaction_id", "debit_account", "credit_account", "amount_minor", "currency"}
)
_SHOWN = 3
_SHOWN_LENGTH = 300


def lines_in(stored: StoredObject, *, key: str, findings: Findings) -> list[str] | None:
    """Of an object that was read; None if it holds none."""
    if not stored.is_intact:
        findings.add(Kind.ALTERED, Subject.OBJECT, key, "its content does not have its checksum")
        return None
    try:
        return lines_of(stored.content)
    except UnreadableContent as error:
        findings.add(Kind.ALTERED, Subject.OBJECT, key, str(error))
        return None


def compare_content(
    stored: StoredObject,
    records: Mapping[str, Record],
    *,
    key: str,
    link: Link | None,
    but: set[str],
    findings: Findings,
) -> None:
    """An object with the ledger's records of its batch. Transactions in `but` are reported already,
    because the ledger does not have them."""
    lines = lines_in(stored, key=key, findings=findings)
    if lines is None:
        return
    if but:
        lines = [line for line in lines if transaction_of(line) not in but]
    _compare_lines(lines, list(records.values()), key=key, link=link, findings=findings)


def _compare_lines(
    lines: Sequence[str],
    records: Sequence[Record],
    *,
    key: str,
    link: Link | None,
    findings: Findings,
) -> None:
    """`lines` of the object under `key`, `records` of its batch as the ledger has them now."""
    if lines == [record.line for record in records]:
        return
    try:
        stored = [Record.of_object(line) for line in lines]
    except UnreadableContent as error:
        findings.add(Kind.ALTERED, Subject.OBJECT, key, str(error))
        return
    expected = {record.transaction_id: record for record in records}
    found = {record.transaction_id: record for record in stored}
    faults = _faults_of_the_set(stored, found, expected)
    if faults:
        findings.add(Kind.ALTERED, Subject.OBJECT, key, "; ".join(faults))
    confirmed = _confirmed(stored, records, link)
    for transaction_id in found.keys() & expected.keys():
        in_object, in_ledger = found[transaction_id], expected[transaction_id]
        if differences := _differences(in_object, in_ledger, is_chained=link is not None):
            findings.add(
                Kind.ALTERED,
                Subject.TRANSACTION,
                transaction_id,
                f"{key}: {shortened(', '.join(differences), _SHOWN_LENGTH)}{confirmed}",
            )


def compare_metadata(
    metadata: Mapping[str, str], link: Link | None, posted_at: str, *, key: str, findings: Findings
) -> None:
    """With what the database has recorded of the batch.

    An audit writer from before the chain stored none of it: then the record alone confirms it.
    """
    if link is None or METADATA.isdisjoint(metadata):
        return
    of_object = Link.of_metadata(metadata)
    if of_object != link or metadata.get(POSTED_AT) != posted_at:
        findings.add(
            Kind.ALTERED,
            Subject.OBJECT,
            key,
            "its metadata does not have the batch's place in the chain",
        )


def check_link(
    link: Link,
    hashes: Sequence[str],
    *,
    batch_id: str,
    posted_at: str,
    source: str,
    findings: Findings,
) -> None:
    """Whether the hashes of the records and the batch are those that the link has."""
    if records_hash(hashes) != link.records_hash:
        findings.add(
            Kind.ALTERED,
            Subject.BATCH,
            batch_id,
            f"number {link.number}: the records of {source} do not have the hash of the chain",
        )
    if link.hash_of(batch_id=batch_id, posted_at=posted_at) != link.hash:
        findings.add(
            Kind.ALTERED,
            Subject.CHAIN,
            str(link.number),
            f"the hash of batch {batch_id} is not that of its number, time and records",
        )


def _faults_of_the_set(
    stored: Sequence[Record], found: Mapping[str, Record], expected: Mapping[str, Record]
) -> list[str]:
    faults = []
    if len(found) < len(stored):
        faults.append(f"it holds {len(stored) - len(found)} transactions more than once")
    if lacking := expected.keys() - found.keys():
        faults.append(f"it lacks {_some(lacking)} of the {len(expected)} of its batch")
    if foreign := found.keys() - expected.keys():
        faults.append(f"it holds {_some(foreign)} that its batch does not have")
    if not faults and list(found) != list(expected):
        faults.append("its transactions have another order than its batch")
    return faults


def _differences(in_object: Record, in_ledger: Record, *, is_chained: bool) -> list[str]:
    one, other = in_object.fields, in_ledger.fields
    names = one.keys() | (other.keys() if is_chained else _IN_EVERY_FORMAT)
    differences = [
        f"{name} is {_shown(one, name)} in the object and {_shown(other, name)} in the ledger"
        for name in sorted(names - {HASH})
        if name not in one or name not in other or one[name] != other[name]
    ]
    if (is_chained or HASH in one) and one.get(HASH) != in_object.hash:
        differences.append("its hash in the object is not that of its contents")
    if is_chained and not differences and in_object.hash != in_ledger.hash:
        differences.append("a number is written in another way than in the ledger")
    if not differences and in_object.line != (in_ledger.line if is_chained else line_of(one)):
        differences.append("its text is not as the audit writer writes it")
    return differences


def _confirmed(stored: Sequence[Record], records: Sequence[Record], link: Link | None) -> str:
    """Which of both the chain has recorded."""
    if link is None:
        return ""
    if records_hash(record.hash for record in stored) == link.records_hash:
        return "; the chain confirms the object"
    if records_hash(record.hash for record in records) == link.records_hash:
        return "; the chain confirms the ledger"
    return "; the chain confirms neither"


def _some(ids: set[str]) -> str:
    shown = ", ".join(sorted(ids)[:_SHOWN])
    return f"{shown} and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else shown


def _shown(fields: Mapping[str, object], name: str) -> str:
    return repr(fields[name])[:60] if name in fields else "absent"
