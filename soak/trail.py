"""The audit trail at the end: each posted transaction exactly once, as the ledger has it."""

import gzip
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lambda_src.audit_writer.settings import AUDIT_PREFIX
from soak.inputs import POSTED
from soak.ledger_contents import Recorded

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class Trail:
    objects: int
    records: Mapping[str, list[Mapping[str, Any]]] = field(repr=False)  # by transaction

    def differences(self, recorded: Mapping[str, Recorded]) -> list[str]:
        posted = {name: row for name, row in recorded.items() if row.outcome == POSTED}
        found = [
            *(
                f"transaction {name} is not in the trail"
                for name in posted
                if name not in self.records
            ),
            *(
                f"transaction {name} is in the trail, and not posted"
                for name in self.records
                if name not in posted
            ),
        ]
        for name, records in self.records.items():
            if len(records) > 1:
                found.append(f"transaction {name} is in the trail {len(records)} times")
            if name in posted:
                found += [
                    f"transaction {name} is in the trail with other contents"
                    for record in records
                    if not posted[name].holds(_given(record))
                ]
        return found


def read_trail(s3: "S3Client", bucket: str) -> Trail:
    records: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    objects = 0
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=AUDIT_PREFIX)
    for page in pages:
        for each in page.get("Contents", []):
            objects += 1
            content = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            for line in gzip.decompress(content).splitlines():
                record = json.loads(line)
                records[record["transaction_id"]].append(record)
    return Trail(objects=objects, records=records)


def _given(record: Mapping[str, Any]) -> dict[str, Any]:
    own = {"client_id", "user_id", "path", "posted_at", "chain_id", "hash"}
    return {name: value for name, value in record.items() if name not in own}
