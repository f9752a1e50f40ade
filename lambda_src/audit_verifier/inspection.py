"""Looks at a few batches and objects at once: the objects are read in parallel."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor

from lambda_src.audit_verifier.archive import Archive, StoredObject
from lambda_src.audit_verifier.chain import ChainWalk
from lambda_src.audit_verifier.comparison import check_link, compare_content, compare_metadata
from lambda_src.audit_verifier.coverage import Coverage
from lambda_src.audit_verifier.earlier_keys import EarlierKeys
from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.ledger import Batch, Ledger
from lambda_src.audit_verifier.limits import OBJECT_BYTES_MAX, Limits
from lambda_src.audit_verifier.listing import Listed
from lambda_src.audit_verifier.moments import is_time_ordered
from lambda_src.audit_verifier.records import Record
from lambda_src.audit_verifier.report import Kind, Repair, Subject
from lambda_src.audit_verifier.unrecorded import Unrecorded
from lambda_src.audit_verifier.walk import Pair
from lambda_src.shared.audit_objects import METADATA


class Inspection:
    """Of one verification."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        archive: Archive,
        executor: Executor,
        coverage: Coverage,
        chain: ChainWalk,
        unrecorded: Unrecorded,
        ids: tuple[str, str],
        limits: Limits,
        findings: Findings,
    ) -> None:
        self._ledger = ledger
        self._archive = archive
        self._executor = executor
        self._coverage = coverage
        self._chain = chain
        self._unrecorded = unrecorded
        self._first_id, self._last_id = ids  # of the window
        self._limits = limits
        self._findings = findings
        self._earlier = EarlierKeys(ledger=ledger, archive=archive)
        self.batches = 0
        self.objects = 0

    def inspect(self, pairs: Sequence[Pair]) -> None:
        """Pairs of the walk in the order of keys."""
        for pair in pairs:
            if pair.listed is not None:
                self.objects += 1
                self._check_versions(pair.listed)
        recorded = self._recorded(pairs)
        chosen = [pair for pair in pairs if self._is_in_window(pair, recorded)]
        self.compare(
            [
                Pair(key=p.key, listed=p.listed, batch=p.batch or recorded.get(_id_of(p) or ""))
                for p in chosen
            ]
        )

    def compare(self, pairs: Sequence[Pair]) -> None:
        """Contents, chain and coverage of each."""
        stored = self._executor.map(self._read, pairs)  # they are read while the database answers
        records = self._records_of([pair.batch for pair in pairs if pair.batch is not None])
        for pair, found in zip(pairs, stored, strict=True):
            if pair.batch is not None:
                self._check_batch(pair, pair.batch, found, records[pair.batch.batch_id])
            elif pair.listed is not None and found is not None:
                self._unrecorded.check(pair.listed, found)
        self._coverage.look_up()

    def _check_versions(self, listed: Listed) -> None:
        faults = []
        if listed.versions > 1:
            faults.append(f"it has {listed.versions} versions, and is written once")
        if listed.markers:
            faults.append("it has a delete marker")
        if listed.newest.size > OBJECT_BYTES_MAX:
            faults.append(
                f"it has {listed.newest.size} bytes; no batch has more than {OBJECT_BYTES_MAX}"
            )
        if faults:
            self._findings.add(Kind.ALTERED, Subject.OBJECT, listed.key, "; ".join(faults))
        if listed.batch_id is None and not self._earlier.is_of_a_batch(listed):
            self._findings.add(
                Kind.UNKNOWN, Subject.OBJECT, listed.key, "its key is not that of any batch"
            )

    def _recorded(self, pairs: Iterable[Pair]) -> dict[str, Batch]:
        """Of objects without a batch: a random id does not come in order, and one that was sealed
        a moment ago may be recorded since."""
        ids = [each for pair in pairs if pair.batch is None and (each := _id_of(pair))]
        return {batch.batch_id: batch for batch in self._ledger.batches_named(ids)} if ids else {}

    def _is_in_window(self, pair: Pair, recorded: Mapping[str, Batch]) -> bool:
        batch_id = _id_of(pair)
        if pair.batch is not None:
            return True
        if batch_id is None:
            return False
        if is_time_ordered(batch_id):
            return self._first_id <= batch_id < self._last_id
        return batch_id not in recorded  # recorded batches with random ids are looked for apart

    def _read(self, pair: Pair) -> StoredObject | None:
        if pair.listed is None or not pair.listed.is_readable:
            return None
        stored = self._archive.read(pair.listed.newest)
        if stored is None or _is_whole(stored, _id_of(pair)):
            return stored
        return self._archive.read(pair.listed.newest)

    def _records_of(self, batches: Sequence[Batch]) -> dict[str, dict[str, Record]]:
        """By batch and transaction, in the order of the batch."""
        ids = [each for batch in batches for each in batch.transaction_ids]
        texts = self._ledger.records(ids)
        found: dict[str, dict[str, Record]] = {}
        place = 0
        for batch in batches:
            found[batch.batch_id] = {
                transaction_id: Record.of_ledger(texts[place + offset])
                for offset, transaction_id in enumerate(batch.transaction_ids)
                if place + offset in texts
            }
            place += len(batch.transaction_ids)
        return found

    def _check_batch(
        self,
        pair: Pair,
        batch: Batch,
        stored: StoredObject | None,
        records: Mapping[str, Record],
    ) -> None:
        self.batches += 1
        self._coverage.take_recorded({each: record.posted_at for each, record in records.items()})
        self._check_ids(batch, records)
        if batch.link is not None:
            self._chain.add(batch.link, holder=f"batch {batch.batch_id}", findings=self._findings)
            if len(records) == len(batch.transaction_ids):
                check_link(
                    batch.link,
                    [record.hash for record in records.values()],
                    batch_id=batch.batch_id,
                    posted_at=batch.posted_at,
                    source="the ledger",
                    findings=self._findings,
                )
        key = pair.key
        if stored is None and pair.listed is None and (found := self._earlier.find(batch)):
            key, stored = found
        if stored is None:
            self._check_absent(pair, batch)
            return
        compare_metadata(
            stored.metadata, batch.link, batch.posted_at, key=key, findings=self._findings
        )
        compare_content(
            stored,
            records,
            key=key,
            link=batch.link,
            but=set(batch.transaction_ids) - records.keys(),
            findings=self._findings,
        )

    def _check_ids(self, batch: Batch, records: Mapping[str, Record]) -> None:
        if len(set(batch.transaction_ids)) < len(batch.transaction_ids):
            self._findings.add(
                Kind.DOUBLE, Subject.BATCH, batch.batch_id, "it names a transaction twice"
            )
        for transaction_id in batch.transaction_ids:
            if transaction_id not in records:
                self._findings.add(
                    Kind.UNKNOWN,
                    Subject.TRANSACTION,
                    transaction_id,
                    f"batch {batch.batch_id} names it, and the ledger does not have it",
                )

    def _check_absent(self, pair: Pair, batch: Batch) -> None:
        if pair.listed is not None and not pair.listed.is_readable:
            return  # reported with its versions
        if batch.is_waiting or batch.sent_seconds < self._limits.missing_after_seconds:
            return
        self._findings.add(
            Kind.MISSING,
            Subject.BATCH,
            batch.batch_id,
            f"it was sent {batch.sent_seconds / 60:.0f} minutes ago, and there is no object "
            f"{pair.key}",
            repair=Repair.SEND_BATCH,
        )


def _id_of(pair: Pair) -> str | None:
    if pair.batch is not None:
        return pair.batch.batch_id
    return pair.listed.batch_id if pair.listed is not None else None


def _is_whole(stored: StoredObject, batch_id: str | None) -> bool:
    """Else the head of the answer may have broken off, which is no error of the client."""
    is_chained = batch_id is not None and is_time_ordered(batch_id)
    return bool(stored.content) and (not is_chained or stored.metadata.keys() >= METADATA)
