"""Objects that no record names: older than the record, or unknown."""

from datetime import datetime, timedelta
from uuid import UUID

from lambda_src.audit_verifier.archive import StoredObject
from lambda_src.audit_verifier.chain import ChainWalk, Link
from lambda_src.audit_verifier.comparison import check_link, compare_content, lines_in
from lambda_src.audit_verifier.coverage import Coverage
from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.fork import Fork
from lambda_src.audit_verifier.ledger import Horizon, Ledger
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.listing import Listed
from lambda_src.audit_verifier.moments import is_time_ordered, text_of
from lambda_src.audit_verifier.records import Record, UnreadableContent
from lambda_src.audit_verifier.report import Kind, Subject
from lambda_src.shared.audit_objects import POSTED_AT, time_of_id


class Unrecorded:
    """Compares them with the ledger alone, and their chain by their metadata."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        coverage: Coverage,
        chain: ChainWalk,
        fork: Fork,
        horizon: Horizon,
        now: datetime,
        limits: Limits,
        findings: Findings,
    ) -> None:
        self._ledger = ledger
        self._coverage = coverage
        self._chain = chain
        self._fork = fork
        self._horizon = horizon
        self._now = now
        self._limits = limits
        self._findings = findings

    def check(self, listed: Listed, stored: StoredObject) -> None:
        batch_id = listed.batch_id
        young = timedelta(seconds=self._limits.unknown_after_seconds)
        if batch_id is None or listed.newest.modified_at > self._now - young:
            return
        is_unknown = self._must_be_recorded(batch_id, listed)
        if is_unknown:
            self._findings.add(
                Kind.UNKNOWN,
                Subject.OBJECT,
                listed.key,
                f"the ledger has no record of batch {batch_id}",
            )
        lines = lines_in(stored, key=listed.key, findings=self._findings)
        if lines is None:
            return
        try:
            held = [Record.of_object(line) for line in lines]
        except UnreadableContent as error:
            self._findings.add(Kind.ALTERED, Subject.OBJECT, listed.key, str(error))
            return
        texts = self._ledger.records([record.transaction_id for record in held])
        records = {r.transaction_id: r for r in (Record.of_ledger(t) for t in texts.values())}
        absent = {record.transaction_id for record in held} - records.keys()
        for transaction_id in sorted(absent):
            self._findings.add(
                Kind.UNKNOWN,
                Subject.TRANSACTION,
                transaction_id,
                f"it is in {listed.key}, and the ledger does not have it",
            )
        self._coverage.take_unrecorded(
            listed.key, {each: record.posted_at for each, record in records.items()}
        )
        link = Link.of_metadata(stored.metadata)
        if is_unknown:
            self._fork.add(link, key=listed.key, transactions=len(absent))
            return
        if link is not None:
            self._chain.add(link, holder=listed.key, findings=self._findings)
            check_link(
                link,
                [record.hash for record in held],
                batch_id=batch_id,
                posted_at=stored.metadata.get(POSTED_AT, ""),
                source=listed.key,
                findings=self._findings,
            )
        compare_content(
            stored, records, key=listed.key, link=link, but=absent, findings=self._findings
        )

    def _must_be_recorded(self, batch_id: str, listed: Listed) -> bool:
        if is_time_ordered(batch_id):  # these are as old as the record, or younger
            return text_of(time_of_id(UUID(batch_id))) >= self._horizon.kept_from
        return str(listed.day) > self._horizon.recorded_from[:10].replace("-", "/")
