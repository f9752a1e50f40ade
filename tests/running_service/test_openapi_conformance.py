"""Requests made from the OpenAPI document: every answer is one that the document describes.

Schemathesis makes them from the examples, from the limits of each field, and at random: always the
same ones, because they follow from the document alone.
"""

from collections import defaultdict
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from app_service.ledger.openapi import PATHS, document
from tests.app_service.service_process import running_service
from tests.app_service.test_main import BASIC, TlsDatabase, tls_database
from tests.running_service.ledger_with_data import LedgerWithData, fill, new_token

__all__ = ["tls_database"]

pytestmark = pytest.mark.xdist_group("openapi conformance")

api = schemathesis.openapi.from_dict(document("1.2.3"))
found: dict[tuple[str, str], set[int]] = defaultdict(set)

# The service refuses more than JSON Schema can say: 1.0 for an integer, one account on both sides,
# numbers with a fraction in metadata.
NOT_CHECKED = [positive_data_acceptance]


@pytest.fixture(scope="module")
def ledger(tls_database: TlsDatabase) -> Iterator[LedgerWithData]:
    with running_service(tls_database) as client:
        yield fill(client)


@api.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_answer_is_one_that_the_document_describes(
    case: Case, ledger: LedgerWithData
) -> None:
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE:
        ledger.point(case)
    not_checked = list(NOT_CHECKED)
    if case.path == "/transactions/batch":  # GET is /transactions/{transaction_id} with a bad id
        not_checked.append(unsupported_method)
    request = {
        "base_url": str(ledger.client.base_url),
        "verify": False,
        "headers": {"Authorization": authorization(case, ledger)},
    }
    answer = case.call_and_validate(excluded_checks=not_checked, **request)
    found[case.operation.path, case.method.lower()].add(answer.status_code)


def authorization(case: Case, ledger: LedgerWithData) -> str:
    if case.path == "/sessions":
        return httpx.BasicAuth(*BASIC)._auth_header
    if case.path == "/sessions/current":  # DELETE closes it
        return f"Bearer {new_token(ledger.client)}"
    return ledger.client.headers["Authorization"]


def test_every_operation_was_seen_to_succeed() -> None:
    """Else the requests above do not reach what they are to test."""
    without = {
        (path, method)
        for path, methods in PATHS.items()
        for method in methods
        if not any(200 <= status < 300 for status in found[path, method])
    }
    assert without == set()
