"""Negative controls: each breaks one promise once, silently, and the soak must find it."""

import gzip
import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final
from uuid import uuid4

from soak.event_source import Record
from soak.http_message import Request, answer
from soak.inputs import PEOPLE

_CALLS_BEFORE: Final = 2  # calls of the kind that go through first


class Break(StrEnum):
    LOST_MESSAGE = "lost-message"  # the processor forgets a message
    LOST_BATCH = "lost-batch"  # the audit queue acknowledges a batch and forgets it
    LOST_OBJECT = "lost-object"  # the bucket acknowledges an object and forgets it
    DOUBLE_OBJECT = "double-object"  # the writer stores a batch under a second key
    ALTERED_OBJECT = "altered-object"  # an amount in an object is not that of the ledger


class Sabotage:
    """Safe for threads."""

    def __init__(self, wanted: Sequence[Break] = ()) -> None:
        self._lock = threading.Lock()
        self._lost: str | None = None
        self._waiting = dict.fromkeys(wanted, _CALLS_BEFORE)

    @property
    def not_done(self) -> Sequence[Break]:
        with self._lock:
            return [*self._waiting]

    def intercept(self, kind: str, request: Request) -> bytes | Sequence[Request] | None:
        """Sees every call to AWS (http_proxy.py)."""
        if kind == "SQS SendMessage audit-queue" and self._due(Break.LOST_BATCH):
            return _acknowledged_message(request)
        if kind != "S3 PutObject":
            return None
        if self._due(Break.LOST_OBJECT):
            checksums = {n: v for n, v in request.headers.items() if "x-amz-checksum" in n}
            return answer(200, "application/xml", b"", ETag='"0"', **checksums)
        if self._due(Break.DOUBLE_OBJECT):
            folder = request.target.rpartition("/")[0]
            return [replace(request, target=f"{folder}/{uuid4()}.ndjson.gz"), request]
        if self._due(Break.ALTERED_OBJECT):
            return [_altered(request)]
        return None

    def withhold(self, records: Sequence[Record]) -> Sequence[Record]:
        """Sees every event of the processor (event_source.py). What it takes away is deleted.

        Every copy of the message goes, or it would come back.
        """
        if self._lost is None:
            candidates = [record["body"] for record in records if _is_sent_once(record)]
            if candidates and self._due(Break.LOST_MESSAGE):
                self._lost = candidates[0]
        return [record for record in records if record["body"] != self._lost]

    def _due(self, wanted: Break) -> bool:
        with self._lock:
            if wanted not in self._waiting:
                return False
            self._waiting[wanted] -= 1
            if self._waiting[wanted] > 0:
                return False
            del self._waiting[wanted]
            return True


def _is_sent_once(record: Record) -> bool:
    """A transaction that comes by no other message, and not through the API."""
    try:
        return bool(json.loads(record["body"])["transaction"]["debit_account"] == PEOPLE[0])
    except (ValueError, TypeError, KeyError):
        return False


def _acknowledged_message(request: Request) -> bytes:
    body = json.loads(request.body)["MessageBody"].encode()
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    document = {"MessageId": str(uuid4()), "MD5OfMessageBody": digest}
    return answer(200, "application/x-amz-json-1.0", json.dumps(document).encode())


def _altered(request: Request) -> Request:
    first, *others = gzip.decompress(request.body).splitlines()
    record = json.loads(first)
    record["amount_minor"] += 1
    lines = [json.dumps(record, separators=(",", ":")).encode(), *others]
    body = gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)
    headers = {
        n: v for n, v in request.headers.items() if "checksum" not in n and n != "content-md5"
    }
    return replace(request, headers=headers, body=body)
