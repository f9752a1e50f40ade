"""The audit trail at the end: each posted transaction exactly once, as the ledger has it."""

import gzip
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lambda_src.audit_writer.settings import AUDIT_PREFIX
from soak.inputs import POSTED
from soak.ledger_contents import Recorded
from soak.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class Trail:
    objects: int
    records: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)  # by transaction

    def differences(self, recorded: Mapping[str, Recorded]) -> list[Problem]:
        posted = {name: row for name, row in recorded.items() if row.outcome == POSTED}
        found = [
            *(_of("not in the trail", name) for name in posted.keys() - self.records.keys()),
            *(
                _of("in the trail, not posted", name)
                for name in self.records.keys() - posted.keys()
            ),
        ]
        for name in posted.keys() & self.records.keys():
            records = self.records[name]
            if len(records) > 1:
                found.append(_of("more than once in the trail", name))
            if not all(posted[name].holds(_given(record)) for record in records):
                found.append(_of("with other contents in the trail", name))
        return sorted(found)


def _of(what: str, name: str) -> Problem:
    return Problem(what=f"a transaction is {what}", subject=name)


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
