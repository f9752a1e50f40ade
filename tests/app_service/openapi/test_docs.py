"""The OpenAPI document matches the routes, and /docs serves the viewer's files and nothing else."""

import gzip
import hashlib
import re
from typing import Any

import pytest

from app_service.application import ROUTES
from app_service.ledger.domain import NewAccount, NewSession
from app_service.ledger.fields import InvalidField, parse_record
from app_service.ledger.kinds import OF_CLIENTS
from app_service.ledger.transaction import Transaction
from app_service.openapi.document import PATHS, SCHEMAS, document
from app_service.openapi.examples import EXAMPLES
from app_service.openapi.request_bodies import TO_TARGET, Batch
from app_service.openapi.viewer_files import FILES, load
from tests.app_service.api.http_api import running_api

# SHA-256 of the files of npm's swagger-ui-dist 5.33.1. After an update of `offapi` compare its
# files with that package (docs/decisions/api-viewer.md).
SWAGGER_UI = {
    "swagger-ui-bundle.js": "050bc415ee7048dcd881682678f720264e7da5e373f7461d7c58c755305255f7",
    "swagger-ui.css": "1ac324f7dcd27e4b9386b4bd6421271ec147e922a22c05ba24b11515e9aa6321",
}


def test_every_route_is_in_the_document_and_nothing_else() -> None:
    served = {
        (route.path, method.lower())
        for route in ROUTES
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert served == {(path, method) for path, methods in PATHS.items() for method in methods}


def test_every_reference_leads_to_a_schema_and_every_schema_is_used() -> None:
    found = set(re.findall(r"#/components/schemas/(\w+)", str(document("1"))))
    assert found == set(SCHEMAS)


async def test_the_document_is_served_with_the_deployed_version() -> None:
    async with running_api() as api:
        served = await api.http.get("/openapi.json")
    assert served.json() == document("1.2.3")


def test_every_example_is_a_request_that_the_service_reads() -> None:
    for body, example in EXAMPLES.items():
        for each in example["transactions"] if body is Batch else [example]:
            if body in (Transaction, Batch):
                Transaction.parse(each)
            else:
                parse_record(body, "example", each)
    assert EXAMPLES.keys() == {Transaction, Batch, NewAccount, NewSession, *TO_TARGET.values()}


@pytest.mark.parametrize("kind", OF_CLIENTS)
def test_the_document_says_of_each_kind_what_the_parser_asks(kind: str) -> None:
    whole: dict[str, Any] = {
        "transaction_id": "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a11",
        "debit_account": 1,
        "credit_account": 2,
        "amount_minor": 3,
        "currency": "USD",
        "target_id": "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a12",
        "expires_in_seconds": 60,
    }
    [schema] = [each for each in SCHEMAS["Transaction"]["oneOf"] if each["title"] == kind]
    forbidden = {name for name, rule in schema["properties"].items() if rule is False}
    allowed = {name: value for name, value in whole.items() if name not in forbidden}
    assert Transaction.parse({**allowed, "kind": kind}).kind == kind
    for name in forbidden:
        with pytest.raises(InvalidField, match=f"^{name}: "):
            Transaction.parse({**allowed, "kind": kind, name: whole[name]})
    for name in set(schema["required"]) - {"kind"}:
        with pytest.raises(InvalidField, match=f"^{name}: "):
            Transaction.parse({k: v for k, v in allowed.items() if k != name} | {"kind": kind})


async def test_the_page_may_run_and_ask_nothing_from_elsewhere() -> None:
    async with running_api() as api:
        page = await api.http.get("/docs", headers=api.anonymous)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    linked = set(re.findall(r'(?:src|href)="([^"]+)"', page.text)) - {"data:,"}
    assert linked == {f"/docs/{name}" for name in FILES if name != "viewer.html"}
    assert not re.search(r"<style|style=|<script>|onclick|https?://", page.text)


async def test_a_file_is_sent_compressed_and_once() -> None:
    async with running_api() as api:
        packed = await api.http.get("/docs/viewer.js", headers={"Accept-Encoding": "gzip"})
        plain = await api.http.get("/docs/viewer.js", headers={"Accept-Encoding": "identity"})
        again = await api.http.get(
            "/docs/viewer.js", headers={"If-None-Match": plain.headers["etag"]}
        )
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == gzip.decompress(load("viewer.js").compressed)
    assert packed.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["redoc.js", "viewer.html", "..%2Fdocs.py", "viewer.js/"])
async def test_other_files_are_not_served(name: str) -> None:
    async with running_api() as api:
        assert (await api.http.get(f"/docs/{name}")).status_code == 404


@pytest.mark.parametrize("name", SWAGGER_UI)
def test_swagger_ui_is_what_its_makers_publish(name: str) -> None:
    assert hashlib.sha256(load(name).content).hexdigest() == SWAGGER_UI[name]


@pytest.mark.parametrize("method", ["OPTIONS", "PUT"])
async def test_allow_names_every_method_of_the_path_and_of_no_other(method: str) -> None:
    async with running_api() as api:
        session = await api.http.request(method, "/sessions/current")
        batch = await api.http.request(method, "/transactions/batch")
    assert (session.status_code, session.headers["allow"]) == (405, "DELETE, GET, HEAD")
    assert (batch.status_code, batch.headers["allow"]) == (405, "POST")
