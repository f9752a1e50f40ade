"""Reads the audit trail as an auditor does: only from the bucket."""

import datetime as dt
import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class AuditTrail:
    """The objects written since `since` (UTC). Each is read once, also by several calls."""

    def __init__(self, s3: "S3Client", bucket: str, since: dt.datetime) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._since = since
        self._known: set[str] = set()
        self._found: Counter[str] = Counter()
        self.written: dict[str, dt.datetime] = {}  # when the first object with an id was there

    def read(self) -> Counter[str]:
        """How often each transaction id stands in these objects."""
        day = self._since.date()
        while day <= dt.datetime.now(dt.UTC).date():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"audit/{day:%Y/%m/%d}/"
            )
            for page in pages:
                for item in page.get("Contents", []):
                    if item["LastModified"] >= self._since and item["Key"] not in self._known:
                        self._read_object(item["Key"], item["LastModified"])
            day += dt.timedelta(days=1)
        return self._found

    def _read_object(self, key: str, written: dt.datetime) -> None:
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        ids = [json.loads(line)["transaction_id"] for line in gzip.decompress(body).splitlines()]
        self._found.update(ids)
        for each in ids:
            self.written[each] = min(written, self.written.get(each, written))
        self._known.add(key)
