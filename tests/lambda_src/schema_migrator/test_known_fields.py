"""A release that accepts a field is deployed only after one that carries it."""

from collections.abc import Iterator

import pytest
from pg8000.native import Connection

from lambda_src.schema_migrator.known_fields import (
    ACCEPTED,
    KNOWN,
    FieldNotCarried,
    check_fields,
    record_fields,
)
from lambda_src.schema_migrator.migrations import Migration
from lambda_src.schema_migrator.migrator import migrate
from lambda_src.shared.database import connect_to_writer
from tests.lambda_src.cluster import MASTER, Cluster

NEW = "made_up"
NEXT = Migration(name="0001_next.sql", sql="CREATE TABLE ledger.next (n int)")


@pytest.fixture
def session(cluster: Cluster, empty_database: str) -> Iterator[Connection]:
    with cluster.session(empty_database) as opened:
        opened.run("CREATE SCHEMA ledger")
        yield opened


def test_a_field_that_the_deployed_release_does_not_know_is_refused_by_its_name(
    session: Connection,
) -> None:
    record_fields(session, known=KNOWN)
    with pytest.raises(FieldNotCarried, match=f"^{NEW}: .*CARRIED.*docs/adding-a-field.md$"):
        check_fields(session, accepted=ACCEPTED | {NEW})


def test_a_field_is_accepted_after_a_release_that_carried_it(session: Connection) -> None:
    record_fields(session, known=KNOWN)
    check_fields(session, accepted=ACCEPTED)
    record_fields(session, known=KNOWN | {NEW})
    check_fields(session, accepted=ACCEPTED | {NEW})


def test_a_release_that_was_rolled_back_does_not_count(session: Connection) -> None:
    record_fields(session, known=KNOWN | {NEW})
    record_fields(session, known=KNOWN)
    with pytest.raises(FieldNotCarried):
        check_fields(session, accepted=ACCEPTED | {NEW})


def test_a_new_ledger_and_one_from_before_this_check_refuse_nothing(session: Connection) -> None:
    check_fields(session, accepted={NEW})


def test_a_refused_release_changes_nothing(
    cluster: Cluster, empty_database: str, session: Connection
) -> None:
    record_fields(session, known={"transaction_id"})
    with pytest.raises(FieldNotCarried):
        migrate(
            connect=lambda: connect_to_writer(cluster.target(empty_database), MASTER),
            migrations=[NEXT],
            logins=(),
            run_outside=cluster.run_outside(empty_database),
            pause_up_to=lambda _seconds: None,
        )
    assert session.run("SELECT to_regclass('ledger.next')") == [[None]]


def test_a_deployment_records_the_fields_of_its_release(
    cluster: Cluster, empty_database: str, session: Connection
) -> None:
    migrate(
        connect=lambda: connect_to_writer(cluster.target(empty_database), MASTER),
        migrations=[NEXT],
        logins=(),
        run_outside=cluster.run_outside(empty_database),
        pause_up_to=lambda _seconds: None,
    )
    rows = session.run("SELECT field FROM ledger.known_fields")
    assert {field for (field,) in rows} == KNOWN
