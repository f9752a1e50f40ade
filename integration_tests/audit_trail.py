"""Reads the audit trail as an auditor does: only from the bucket."""

import datetime as dt
import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def transactions_since(s3: "S3Client", bucket: str, since: dt.datetime) -> Counter[str]:
    """How often each transaction id stands in the objects written since `since` (UTC)."""
    found: Counter[str] = Counter()
    day = since.date()
    while day <= dt.datetime.now(dt.UTC).date():
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"audit/{day:%Y/%m/%d}/"
        )
        for page in pages:
            for item in page.get("Contents", []):
                if item["LastModified"] >= since:
                    body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                    lines = gzip.decompress(body).decode().splitlines()
                    found.update(json.loads(line)["transaction_id"] for line in lines)
        day += dt.timedelta(days=1)
    return found
