"""Requests made from the OpenAPI document: every answer is one that the document describes.

Schemathesis makes them from the examples, from the limits of each field, and at random: always the
same ones, because they follow from the document alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from requests.auth import _basic_auth_str
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from app_service.ledger.actor import Role
from app_service.openapi.document import PATHS, document
from tests.app_service.service_process import running_service
from tests.app_service.test_main import TlsDatabase, tls_database
from tests.running_service.caller import Caller, credential
from tests.running_service.ledger_with_data import LedgerWithData, accounts_of, fill

__all__ = ["tls_database"]

pytestmark = [
    pytest.mark.xdist_group("openapi conformance"),
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),  # the task's own certificate
]

OTHER_ROLES = (Role.READER, Role.POSTER)
OPERATIONS = {(path, method) for path, methods in PATHS.items() for method in methods}

api = schemathesis.openapi.from_dict(document("1.2.3"))
api_in_brief = schemathesis.openapi.from_dict(
    document("1.2.3"),
    # Without the requests that try every limit of every field.
    config=schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": False}}}),
)
found: dict[Role, dict[tuple[str, str], set[int]]] = {role: defaultdict(set) for role in Role}

Check = Callable[..., bool | None]
NOT_CHECKED: tuple[Check, ...] = (
    # The service refuses more than JSON Schema can say: 1.0 for an integer, one account on both
    # sides, fractions in metadata.
    positive_data_acceptance,
    ignored_auth,  # asked by tests/app_service/api/test_authentication.py on every route
)
NOT_CHECKED_OF_BATCHES: tuple[Check, ...] = (
    negative_data_rejection,  # a malformed transaction has the verdict `invalid` in an answer 200
    unsupported_method,  # GET is /transactions/{transaction_id} with a malformed id
)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service and, by role, who calls it and what this caller finds there."""

    url: str
    callers: dict[Role, Caller]
    ledgers: dict[Role, LedgerWithData]


@pytest.fixture(scope="module")
def running(tls_database: TlsDatabase) -> Iterator[Running]:
    credentials = [credential(role) for role in OTHER_ROLES]
    with running_service(tls_database, credentials=credentials) as client:
        operator = Caller(client)
        poster, reader = Caller(client, Role.POSTER), Caller(client, Role.READER)
        of_operator = fill(operator, accounts_of(operator, operator, first=1001))
        of_poster = fill(poster, accounts_of(poster, operator, first=2001))
        yield Running(
            url=str(client.base_url),
            callers={Role.OPERATOR: operator, Role.POSTER: poster, Role.READER: reader},
            # A reader sees everything. It gets what others do not change.
            ledgers={Role.OPERATOR: of_operator, Role.POSTER: of_poster, Role.READER: of_poster},
        )


@pytest.fixture(scope="module")
def connection(running: Running) -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def made_always_alike(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@api.parametrize()
@made_always_alike(25)
def test_every_answer_is_one_that_the_document_describes(
    case: Case[Any], running: Running, connection: requests.Session
) -> None:
    call(case, running, connection, Role.OPERATOR)


@pytest.mark.parametrize("role", OTHER_ROLES)
@api_in_brief.parametrize()
@made_always_alike(25)
def test_every_answer_to_another_role_is_one_that_the_document_describes(
    case: Case[Any], running: Running, connection: requests.Session, role: Role
) -> None:
    """The requests differ from those above only in who sends them, so few are enough."""
    call(case, running, connection, role)


def call(case: Case[Any], running: Running, connection: requests.Session, role: Role) -> None:
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE:
        running.ledgers[role].point(case)
    answer = case.call_and_validate(
        base_url=running.url,
        session=connection,
        verify=False,
        headers={"Authorization": authorization(case, running.callers[role])},
        excluded_checks=[
            *NOT_CHECKED,
            *(NOT_CHECKED_OF_BATCHES if case.path == "/transactions/batch" else ()),
        ],
    )
    found[role][case.operation.path, case.method.lower()].add(answer.status_code)


def authorization(case: Case[Any], caller: Caller) -> str:
    if case.path == "/sessions":
        return _basic_auth_str(*caller.basic)
    if case.path == "/sessions/current":  # DELETE closes it
        return f"Bearer {caller.new_token()}"
    return f"Bearer {caller.token}"


def succeeded(role: Role) -> set[tuple[str, str]]:
    return {
        operation
        for operation, statuses in found[role].items()
        if any(200 <= status < 300 for status in statuses)
    }


def test_every_operation_was_seen_to_succeed() -> None:
    """Else the requests above do not reach what they are to test."""
    assert succeeded(Role.OPERATOR) == OPERATIONS


def test_a_poster_does_all_but_freeze() -> None:
    freezes = {(f"/accounts/{{account_id}}/{name}", "post") for name in ("freeze", "unfreeze")}
    assert OPERATIONS - succeeded(Role.POSTER) == freezes
    assert all(403 in found[Role.POSTER][operation] for operation in freezes)


def test_a_reader_is_refused_every_change() -> None:
    """Of the ledger: like everybody it opens sessions and closes them."""
    changes = {
        (path, method) for path, method in OPERATIONS if method == "post" and path != "/sessions"
    }
    assert OPERATIONS - succeeded(Role.READER) == changes
    assert all(403 in found[Role.READER][operation] for operation in changes)
