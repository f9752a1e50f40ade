"""Requests made from the OpenAPI document: every answer is one that the document describes.

Schemathesis makes them from the examples, from the limits of each field, and at random: always the
same ones, because they follow from the document alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
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

from app_service.openapi.document import PATHS, document
from tests.app_service.service_process import running_service
from tests.app_service.test_main import BASIC, TlsDatabase, tls_database
from tests.running_service.ledger_with_data import LedgerWithData, fill, new_token

__all__ = ["tls_database"]

pytestmark = [
    pytest.mark.xdist_group("openapi conformance"),
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),  # the task's own certificate
]

api = schemathesis.openapi.from_dict(document("1.2.3"))
found: dict[tuple[str, str], set[int]] = defaultdict(set)

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


@pytest.fixture(scope="module")
def ledger(tls_database: TlsDatabase) -> Iterator[LedgerWithData]:
    with running_service(tls_database) as client:
        yield fill(client)


@pytest.fixture(scope="module")
def connection(ledger: LedgerWithData) -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@api.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_answer_is_one_that_the_document_describes(
    case: Case[Any], ledger: LedgerWithData, connection: requests.Session
) -> None:
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE:
        ledger.point(case)
    answer = case.call_and_validate(
        base_url=str(ledger.client.base_url),
        session=connection,
        verify=False,
        headers={"Authorization": authorization(case, ledger)},
        excluded_checks=[
            *NOT_CHECKED,
            *(NOT_CHECKED_OF_BATCHES if case.path == "/transactions/batch" else ()),
        ],
    )
    found[case.operation.path, case.method.lower()].add(answer.status_code)


def authorization(case: Case[Any], ledger: LedgerWithData) -> str:
    if case.path == "/sessions":
        return _basic_auth_str(*BASIC)
    if case.path == "/sessions/current":  # DELETE closes it
        return f"Bearer {new_token(ledger.client)}"
    return str(ledger.client.headers["Authorization"])


def test_every_operation_was_seen_to_succeed() -> None:
    """Else the requests above do not reach what they are to test."""
    without = {
        (path, method)
        for path, methods in PATHS.items()
        for method in methods
        if not any(200 <= status < 300 for status in found[path, method])
    }
    assert without == set()
