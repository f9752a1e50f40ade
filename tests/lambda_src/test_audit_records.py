"""docs/messages.md names every field of the records that the database makes."""

import json
import re
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pg8000.native import Connection

from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.fields import MAX_INTEGER
from app_service.ledger.kinds import Kind
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.outbox.canonical_record import canonical_text
from lambda_src.shared.database import ASSET_ROOT
from lambda_src.transaction_processor.posting import SqlLedger
from tests.lambda_src.cluster import Cluster
from tests.lambda_src.submissions import submitted, transaction

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
CLIENT = Actor(client_id="shop", user_id="ada", path=Path.API, role=Role.OPERATOR)
LEDGER = Actor(client_id="ledger", user_id="expiry", path=Path.LEDGER, role=Role.OPERATOR)


def fields_of_the_page() -> set[str]:
    page = (ASSET_ROOT / "docs" / "messages.md").read_text()
    table = page.partition("| field of a transaction |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for names in rows for name in re.findall(r"`(\w+)`", names)}


def to_target(number: int, kind: Kind, target: int) -> Transaction:
    return Transaction(transaction_id=UUID(int=number), kind=kind, target_id=UUID(int=target))


def hold(number: int) -> Transaction:
    return transaction(number, kind=Kind.HOLD, expires_in_seconds=1)


def records_of(session: Connection) -> list[dict[str, object]]:
    rows = session.run("SELECT body FROM ledger.take_batches(100, 1000000, 30)")
    return [record for (body,) in rows for record in json.loads(body)["transactions"]]


def test_the_page_names_every_field_of_a_record_and_no_other(
    cluster: Cluster, ledger_database: str
) -> None:
    with cluster.session(ledger_database) as session:
        ledger = SqlLedger(connect=lambda: session, pause_up_to=lambda _: None)
        everything = [
            replace(transaction(1), reference="r", metadata={"nothing": None}, linked=True),
            hold(2),
            to_target(3, Kind.CAPTURE, 2),
            hold(4),
            to_target(5, Kind.VOID, 4),
            to_target(6, Kind.REVERSAL, 1),
            hold(7),
        ]
        by_message = [replace(each, origin_id="f" * 32) for each in submitted(*everything)]
        assert set(ledger.post(by_message)) == {"posted"}
        session.run("SELECT pg_sleep(1.1)")
        expiry = Submission(transaction=to_target(8, Kind.EXPIRY, 7), actor=LEDGER)
        assert ledger.post([expiry]) == ["posted"]
        by_request = Submission(transaction=transaction(9), actor=CLIENT, origin_id="f" * 32)
        assert ledger.post([by_request]) == ["posted"]

        records = records_of(session)
        assert [record["kind"] for record in records] == [
            "transfer", "hold", "capture", "hold", "void", "reversal", "hold", "expiry",
            "transfer",
        ]  # fmt: skip
        assert {name for record in records for name in record} == fields_of_the_page()
        assert records[0]["metadata"] == {"nothing": None}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(records=st.lists(st.dictionaries(TEXTS, VALUES, max_size=6), min_size=1, max_size=20))
def test_the_canonical_text_of_a_record_is_that_of_the_database(
    cluster: Cluster, ledger_database: str, records: list[dict[str, Any]]
) -> None:
    with cluster.session(ledger_database) as session:
        for record in records:
            record.pop("hash", None)
            [[text]] = session.run(
                "SELECT CAST(CAST(:document AS jsonb) AS text)", document=json.dumps(record)
            )
            assert canonical_text(record) == text
