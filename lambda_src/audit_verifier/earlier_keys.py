"""Objects of an audit writer from before the chain, under the day of their batch's `posted_at`.

During an update or after a rollback it stores batches whose id has the time of sealing. Only
around midnight this is another day.
"""

from lambda_src.audit_verifier.archive import Archive, StoredObject
from lambda_src.audit_verifier.ledger import Batch, Ledger
from lambda_src.audit_verifier.listing import Listed, key_of, listed
from lambda_src.audit_verifier.moments import moment_of
from lambda_src.shared.audit_objects import METADATA, object_key


class EarlierKeys:
    def __init__(self, *, ledger: Ledger, archive: Archive) -> None:
        self._ledger = ledger
        self._archive = archive

    def find(self, batch: Batch) -> tuple[str, StoredObject] | None:
        """The object of a recorded batch that has none under its own key, with its key."""
        key = _earlier_key(batch)
        if batch.link is None or key == key_of(batch.batch_id):
            return None
        found = next(listed(self._archive, prefix=key), None)
        if found is None or not found.is_readable:
            return None
        stored = self._archive.read(found.newest)
        if stored is None or not METADATA.isdisjoint(stored.metadata):
            return None
        return key, stored

    def is_of_a_batch(self, found: Listed) -> bool:
        """Whether it is the object that `find` gives for a batch that is recorded."""
        if (batch_id := found.id_of_another_day) is None:
            return False
        batches = self._ledger.batches_named([batch_id])
        return (
            bool(batches)
            and _earlier_key(batches[0]) == found.key
            and next(listed(self._archive, prefix=key_of(batch_id)), None) is None
            and self.find(batches[0]) is not None
        )


def _earlier_key(batch: Batch) -> str:
    return object_key(moment_of(batch.posted_at).date(), batch.batch_id)
