"""Reads the audit bucket, and compares what it holds with what was sent."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local_cloud.aws import AwsClients


class NotAsSent(Exception):
    """The audit trail differs from what was sent."""


class AuditTrail:
    """The objects that are written after this is created."""

    def __init__(self, aws: AwsClients, bucket: str) -> None:
        self._s3 = aws.s3
        self._bucket = bucket
        self._known = set(self._keys())
        self.objects = 0
        self.records: list[dict[str, Any]] = []

    def read_new(self) -> None:
        for key in self._keys():
            if key not in self._known:
                body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
                self.records += map(json.loads, gzip.decompress(body).splitlines())
                self._known.add(key)
                self.objects += 1

    def _keys(self) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix="audit/"
        )
        for page in pages:
            yield from (each["Key"] for each in page.get("Contents", []))


def check(records: Sequence[Mapping[str, Any]], sent: Sequence[Mapping[str, Any]]) -> None:
    """Each that was sent is recorded once, with what was sent. Raises NotAsSent."""
    by_id = {each["transaction_id"]: each for each in sent}
    times = Counter(record["transaction_id"] for record in records)
    missing = by_id.keys() - times.keys()
    foreign = times.keys() - by_id.keys()
    repeated = [each for each, count in times.items() if count > 1]
    changed = [
        record["transaction_id"]
        for record in records
        if (wanted := by_id.get(record["transaction_id"])) is not None
        and any(record.get(name) != value for name, value in wanted.items())
    ]
    if missing or foreign or repeated or changed:
        raise NotAsSent(
            f"the audit trail lacks {len(missing)}, has {len(foreign)} that were not sent, "
            f"{len(repeated)} more than once and {len(changed)} with other contents"
        )
