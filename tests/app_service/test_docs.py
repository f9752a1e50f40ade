"""The OpenAPI document matches the routes, and the page shows the document."""

import re
from html.parser import HTMLParser

from app_service.ledger.api import ROUTES
from app_service.ledger.docs import render
from app_service.ledger.openapi import PATHS, SCHEMAS, document
from tests.app_service.http_api import running_api


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


async def test_what_the_api_answers_has_the_documented_fields() -> None:
    async with running_api() as api:
        opened = await api.http.post("/accounts", json={"account_id": 1, "currency": "USD"})
        session = await api.http.get("/sessions/current")
        ready = await api.http.get("/health/ready")
        version = await api.http.get("/version")
        served = await api.http.get("/openapi.json")
    for name, answer in (
        ("Account", opened), ("Session", session), ("Ready", ready), ("Version", version),
    ):  # fmt: skip
        assert set(answer.json()) == set(SCHEMAS[name]["properties"]), name
    assert served.json() == document("1.2.3")


async def test_the_page_shows_every_path_without_external_resources() -> None:
    async with running_api() as api:
        answer = await api.http.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    for path in PATHS:
        assert f"<code>{path}</code>" in answer.text
    assert not re.search(r"<script|https?://|//cdn|@import|url\(", answer.text)
    page = _Page()
    page.feed(answer.text)
    assert page.links <= page.anchors
    assert page.open == []


def test_text_is_escaped() -> None:
    api = document("<script>alert(1)</script>")
    assert "<script>" not in render(api)


class _Page(HTMLParser):
    """Links, their targets, and whether every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links |= {str(values["href"]).removeprefix("#")} if "href" in values else set()
        self.anchors |= {str(values["id"])} if "id" in values else set()
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
