"""A ledger whose batches a relay and a writer bring into a bucket in memory.

Objects are made here as docs/messages.md describes them, not by the writer's code.
"""

import gzip
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pg8000.native import Connection

from app_service.ledger.transaction import Transaction
from lambda_src.audit_verifier.archive import ObjectVersion, StoredObject
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.report import Report, Window
from lambda_src.audit_verifier.verification import verify
from lambda_src.transaction_processor.posting import SqlLedger
from tests.lambda_src.submissions import submitted, transaction

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# Nothing waits for anything in tests.
AT_ONCE = Limits(missing_after_seconds=0, unknown_after_seconds=0)
# So few that a small ledger does not fit.
FEW = replace(AT_ONCE, transactions=8, batches=2, reads=2)


@dataclass(kw_only=True)
class FakeArchive:
    """A versioned bucket."""

    versions_of: dict[str, list[tuple[ObjectVersion, StoredObject | None]]] = field(
        default_factory=dict
    )
    read_keys: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def put(
        self,
        key: str,
        content: bytes,
        metadata: dict[str, str],
        *,
        is_intact: bool = True,
        size: int | None = None,
    ) -> None:
        """`size`: as listed, if it is not that of the content."""
        stored = StoredObject(content=content, metadata=metadata, is_intact=is_intact)
        version = replace(self._version(key), size=len(content) if size is None else size)
        self.versions_of.setdefault(key, []).insert(0, (version, stored))

    def delete(self, key: str) -> None:
        """As in a versioned bucket: a delete marker."""
        marker = replace(self._version(key), is_marker=True)
        self.versions_of[key].insert(0, (marker, None))

    def newest(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Its content and metadata."""
        [(_, stored), *_] = self.versions_of[key]
        assert stored is not None
        return stored.content, dict(stored.metadata)

    def drop(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Every version of it; returns what was in the newest."""
        newest = self.newest(key)
        del self.versions_of[key]
        return newest

    def replace(self, key: str, content: bytes, metadata: dict[str, str]) -> None:
        """Without a trace in the versions."""
        self.drop(key)
        self.put(key, content, metadata)

    def keys(self) -> list[str]:
        return sorted(self.versions_of)

    def versions(self, *, prefix: str, after: str) -> Iterator[ObjectVersion]:
        for key in self.keys():
            if key.startswith(prefix) and key > after:
                for version, _ in self.versions_of[key]:
                    yield version

    def read(self, version: ObjectVersion) -> StoredObject | None:
        self.read_keys.append(version.key)
        for found, stored in self.versions_of.get(version.key, []):
            if found == version:
                return stored
        return None

    def _version(self, key: str) -> ObjectVersion:
        number = next(self._numbers)
        return ObjectVersion(
            key=key,
            version_id=str(number),
            is_marker=False,
            size=1,
            modified_at=LONG_AGO + timedelta(seconds=number),
        )


def key_of(message: dict[str, Any]) -> str:
    batch_id = UUID(message["batch_id"])
    day = message["posted_at"][:10].replace("-", "/")
    if batch_id.version == 7:
        day = f"{datetime.fromtimestamp((batch_id.int >> 80) / 1000, UTC):%Y/%m/%d}"
    return f"audit/{day}/{batch_id}.ndjson.gz"


def metadata_of(message: dict[str, Any]) -> dict[str, str]:
    chain = message.get("chain")
    if chain is None:
        return {}
    return {
        "chain-number": str(chain["number"]),
        "chain-previous-hash": chain["previous_hash"],
        "chain-records-hash": chain["records_hash"],
        "chain-hash": chain["hash"],
        "posted-at": message["posted_at"],
    }


def packed(records: Sequence[dict[str, Any]]) -> bytes:
    lines = [json.dumps(record, separators=(",", ":")) + "\n" for record in records]
    return gzip.compress("".join(lines).encode("ascii"), mtime=0)


def unpacked(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(content).splitlines()]


@dataclass(kw_only=True)
class World:
    session: Connection  # of a superuser
    archive: FakeArchive = field(default_factory=FakeArchive)

    def post(self, *numbers: int, **changes: Any) -> None:
        """In one call. A number is the transaction's id."""
        wanted: list[Transaction] = [transaction(number, **changes) for number in numbers]
        ledger = SqlLedger(connect=lambda: self.session, pause_up_to=lambda _: None)
        assert set(ledger.post(submitted(*wanted))) == {"posted"}

    def seal(self) -> list[dict[str, Any]]:
        """The messages that a relay would send now."""
        rows = self.session.run("SELECT body FROM ledger.take_batches(1000, 100000000, 0)")
        return [json.loads(body) for (body,) in rows]

    def store(self, message: dict[str, Any]) -> str:
        key = key_of(message)
        if key not in self.archive.versions_of:
            self.archive.put(key, packed(message["transactions"]), metadata_of(message))
        return key

    def record_sent(self, *messages: dict[str, Any]) -> None:
        self.session.run(
            "SELECT ledger.record_sent(CAST(:ids AS uuid[]))",
            ids=[message["batch_id"] for message in messages],
        )

    def deliver(self) -> list[str]:
        """Seal what waits, send it, and store it. Returns the keys of the objects."""
        messages = self.seal()
        self.record_sent(*messages)
        return [self.store(message) for message in messages]

    def delivered(self, *calls: Sequence[int]) -> list[str]:
        """Each call of transactions is an object."""
        keys = []
        for numbers in calls:
            self.post(*numbers)
            keys += self.deliver()
        return keys

    def as_superuser(self, *statements: str) -> None:
        """Past the triggers that protect the tables."""
        for statement in (
            "SET session_replication_role = replica",
            *statements,
            "RESET session_replication_role",
        ):
            self.session.run(statement)

    def verify(self, *, window: Window | None = None, limits: Limits = AT_ONCE) -> Report:
        report = verify(
            connection=self.session,
            archive=self.archive,
            window=window or Window(),
            cursor=None,
            seconds_left=lambda: 900,
            limits=limits,
        )
        assert report.cursor is None
        assert report.discrepancy_count == len(report.discrepancies)
        return report

    def found(self, **options: Any) -> set[tuple[str, str, str]]:
        """Kind, subject and id of each discrepancy."""
        return {
            (each.kind.value, each.subject.value, each.id)
            for each in self.verify(**options).discrepancies
        }


def id_of(number: int) -> str:
    return str(UUID(int=number))


def batch_of(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".ndjson.gz")
