"""The audit object of one transaction, compared with the ledger and the chain."""

import base64
import hashlib
from itertools import islice
from typing import Final

from lambda_src.audit_verifier.archive import Archive, StoredObject
from lambda_src.audit_verifier.chain import Link
from lambda_src.audit_verifier.comparison import check_link, compare_content, compare_metadata
from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.ledger import Batch, Ledger
from lambda_src.audit_verifier.listing import Listed, listed
from lambda_src.audit_verifier.moments import first_id_at, moment_of, text_of
from lambda_src.audit_verifier.records import (
    Record,
    UnreadableContent,
    lines_of,
    transaction_of,
)
from lambda_src.audit_verifier.trace_report import AuditObject
from lambda_src.shared.audit_objects import AUDIT_PREFIX, POSTED_AT

# Of a batch that the record has forgotten: it was sealed soon after the transaction was posted.
OBJECTS_TRIED_MAX: Final = 10


def of_batch(
    batch: Batch, transaction_id: str, *, key: str, ledger: Ledger, archive: Archive
) -> AuditObject | None:
    """Of a batch that is recorded; None if there is no object under its key."""
    found = next(listed(archive, prefix=key), None)
    stored = None if found is None else _read(archive, found)
    if found is None or stored is None:
        return None
    return _inspected(
        found,
        stored,
        transaction_id,
        ids=batch.transaction_ids,
        link=batch.link,
        posted_at=batch.posted_at,
        ledger=ledger,
    )


def of_a_forgotten_batch(
    transaction_id: str, posted_at: str, *, ledger: Ledger, archive: Archive
) -> AuditObject | None:
    """Among the first objects after the transaction was posted, the one that has it.

    There the object itself says which batch it is and where in the chain.
    """
    moment = moment_of(posted_at)
    after = f"{AUDIT_PREFIX}{moment:%Y/%m/%d}/{first_id_at(moment)}"
    for found in islice(listed(archive, after=after), OBJECTS_TRIED_MAX):
        stored = _read(archive, found)
        ids = [] if stored is None else _ids_in(stored)
        if stored is not None and transaction_id in ids:
            return _inspected(
                found,
                stored,
                transaction_id,
                ids=ids,
                link=Link.of_metadata(stored.metadata),
                posted_at=stored.metadata.get(POSTED_AT, ""),
                ledger=ledger,
            )
    return None


def _read(archive: Archive, found: Listed) -> StoredObject | None:
    return archive.read(found.newest) if found.is_readable else None


def _ids_in(stored: StoredObject) -> list[str]:
    try:
        lines = lines_of(stored.content)
    except UnreadableContent:
        return []
    return [each for line in lines if (each := transaction_of(line)) is not None]


def _inspected(
    found: Listed,
    stored: StoredObject,
    transaction_id: str,
    *,
    ids: tuple[str, ...] | list[str],
    link: Link | None,
    posted_at: str,
    ledger: Ledger,
) -> AuditObject:
    findings = Findings()
    texts = ledger.records(ids)
    made = [Record.of_ledger(texts[place]) for place in sorted(texts)]
    records = {record.transaction_id: record for record in made}
    if link is not None:
        check_link(
            link,
            [record.hash for record in made],
            batch_id=found.batch_id or "",
            posted_at=posted_at,
            source="the ledger",
            findings=findings,
        )
    compare_metadata(stored.metadata, link, posted_at, key=found.key, findings=findings)
    compare_content(stored, records, key=found.key, link=link, but=set(), findings=findings)
    record = records.get(transaction_id)
    return AuditObject(
        key=found.key,
        version_id=found.newest.version_id,
        versions=found.versions,
        modified_at=text_of(found.newest.modified_at),
        size=found.newest.size,
        sha256=base64.b64encode(hashlib.sha256(stored.content).digest()).decode(),
        chain_number=None if link is None else link.number,
        record_hash=None if record is None else record.hash,
        faults=[each.detail for each in findings.listed],
    )
