"""Sealed batches and objects, read together in the order of their keys."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lambda_src.audit_verifier.ledger import Batch, Ledger
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.listing import Listed, key_of
from lambda_src.audit_verifier.moments import is_time_ordered


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """What belongs to one key: the batch that is recorded, what is listed, or both."""

    key: str
    batch: Batch | None = None
    listed: Listed | None = None


def sealed_between(ledger: Ledger, *, after: str, before: str, limits: Limits) -> Iterator[Batch]:
    """Batches whose ids sort by time, in this order."""
    while page := ledger.batches_sealed(after=after, before=before, most=limits.batches):
        for batch in page:
            if is_time_ordered(batch.batch_id):  # a random id can lie between
                yield batch
        after = page[-1].batch_id


def paired(objects: Iterator[Listed], batches: Iterator[Batch]) -> Iterator[Pair]:
    """Both in the order of their keys."""
    listed, batch = next(objects, None), next(batches, None)
    while listed is not None or batch is not None:
        keys = [listed.key] if listed is not None else []
        if batch is not None:
            keys.append(key_of(batch.batch_id))
        pair = Pair(
            key=min(keys),
            listed=listed if keys[0] == min(keys) else None,
            batch=batch if keys[-1] == min(keys) else None,
        )
        yield pair
        if pair.listed is not None:
            listed = next(objects, None)
        if pair.batch is not None:
            batch = next(batches, None)


def in_groups(pairs: Iterable[Pair], limits: Limits) -> Iterator[list[Pair]]:
    """So many that their contents fit into memory."""
    group: list[Pair] = []
    transactions = stored = 0
    for pair in pairs:
        size = len(pair.batch.transaction_ids) if pair.batch is not None else 0
        bytes_ = pair.listed.bytes_read if pair.listed is not None else 0
        if group and (
            len(group) == limits.batches
            or transactions + size > limits.transactions // 2
            or stored + bytes_ > limits.stored_bytes
        ):
            yield group
            group, transactions, stored = [], 0, 0
        group.append(pair)
        transactions += size
        stored += bytes_
    if group:
        yield group
