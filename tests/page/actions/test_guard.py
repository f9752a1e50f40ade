"""B8: only the page's own documents start something; a refused request starts nothing."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from page.actions.guard import Guard, form_of

PORT = 4580
OWN = f"http://127.0.0.1:{PORT}"
TOKEN = "the token of this process"
OF_A_BROWSER = {"Origin": OWN, "Sec-Fetch-Site": "same-origin"}


class Page:
    """The guard before an application that keeps what reached it."""

    def __init__(self) -> None:
        self.reached: list[dict[str, str]] = []

        async def answer(request: Request) -> PlainTextResponse:
            self.reached.append(form_of(request))
            return PlainTextResponse("done")

        inner = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
        transport = httpx.ASGITransport(app=Guard(inner, token=TOKEN))
        self.http = httpx.AsyncClient(transport=transport, base_url=OWN)

    async def post(
        self, headers: dict[str, str] | None = None, *, form: dict[str, str] | None = None
    ) -> httpx.Response:
        fields = {"token": TOKEN, "BRANCH": "main"} if form is None else form
        return await self.http.post("/", headers=headers or OF_A_BROWSER, data=fields)


@pytest.fixture(autouse=True)
def allowed_users(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whose processes may send requests; no connection of these tests is one of the kernel."""
    allowed = [True]
    monkeypatch.setattr("page.actions.peer.is_allowed_user", lambda *_: allowed[0])
    return allowed


@pytest_asyncio.fixture
async def page() -> AsyncIterator[Page]:
    page = Page()
    async with page.http:
        yield page


def assert_refused(page: Page, answer: httpx.Response, because: str) -> None:
    assert answer.status_code == 403
    assert answer.text.startswith("Refused: ")
    assert because in answer.text
    assert answer.text.endswith(". Nothing was started.\n")
    assert page.reached == []


async def test_b8_a_form_of_the_page_reaches_its_route_without_the_token(page: Page) -> None:
    assert (await page.post()).status_code == 200
    assert page.reached == [{"BRANCH": "main"}]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": OWN}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": f"http://localhost:{PORT}"}],
)
async def test_b8_a_browser_names_the_page_in_one_header_or_in_both(
    page: Page, headers: dict[str, str]
) -> None:
    if "localhost" in headers.get("Origin", ""):
        headers = {**headers, "Host": f"localhost:{PORT}"}
    assert (await page.post(headers)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "host",
    ["evil.example:4580", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:4580", "[::1]:4580"],
)
async def test_b8_a_foreign_name_for_this_address_is_refused(
    page: Page, host: str, method: str
) -> None:
    """DNS rebinding: the browser takes the foreign document for one of the page's own origin."""
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    answer = await page.http.request(method, "/", headers=headers)
    assert_refused(page, answer, f"the header Host is not the address of this page: open {OWN}/")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": f"https://127.0.0.1:{PORT}"},
        {"Origin": f"http://localhost:{PORT}"},  # of another name than Host
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": OWN, "Sec-Fetch-Site": "same-site"},
        {"Origin": OWN, "Sec-Fetch-Site": "none"},
    ],
)
async def test_b8_a_form_of_another_site_is_refused_even_with_the_token(
    page: Page, headers: dict[str, str]
) -> None:
    assert_refused(page, await page.post(headers), "the request comes from another site")


async def test_b8_a_post_that_names_no_origin_is_refused(page: Page) -> None:
    assert_refused(page, await page.post({"Accept": "*/*"}), "which page it comes from")


@pytest.mark.parametrize(
    "form", [{"BRANCH": "main"}, {"token": ""}, {"token": "thé token"}, {"token": TOKEN[:-1]}]
)
async def test_b8_a_form_without_the_token_of_this_process_is_refused(
    page: Page, form: dict[str, str]
) -> None:
    assert_refused(page, await page.post(form=form), "load the page again")


@pytest.mark.parametrize(
    ("content", "kind", "because"),
    [
        (b'{"token": "x"}', "application/json", "is not a form of this page"),
        (b"token=x", "", "is not a form of this page"),
        (b"token=%ff", "application/x-www-form-urlencoded", "cannot be read"),
        (b"token=\xff", "application/x-www-form-urlencoded", "cannot be read"),
        (b"a=&" * 21, "application/x-www-form-urlencoded", "cannot be read"),
        (b"token=x&token=y", "application/x-www-form-urlencoded", "has a field twice"),
        (b"token=" + b"x" * 16_384, "application/x-www-form-urlencoded", "longer than 16384 bytes"),
    ],
)
async def test_b8_a_body_that_no_form_of_the_page_sends_is_refused(
    page: Page, content: bytes, kind: str, because: str
) -> None:
    headers = {**OF_A_BROWSER, **({"Content-Type": kind} if kind else {})}
    assert_refused(page, await page.http.post("/", content=content, headers=headers), because)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT"])
async def test_b8_methods_other_than_get_and_head_are_guarded_as_post_is(
    page: Page, method: str
) -> None:
    answer = await page.http.request(method, "/", headers={"Sec-Fetch-Site": "cross-site"})
    assert_refused(page, answer, "the request comes from another site")


@pytest.mark.parametrize(
    ("site", "mode", "dest", "is_answered"),
    [
        ("same-origin", "cors", "empty", True),  # htmx
        ("none", "navigate", "document", True),  # the person typed the address
        ("cross-site", "navigate", "document", True),  # a link
        ("cross-site", "navigate", "iframe", False),
        ("same-site", "no-cors", "image", False),
        ("cross-site", "cors", "empty", False),
    ],
)
async def test_b8_another_site_may_only_lead_to_the_page_by_a_link(
    page: Page, site: str, mode: str, dest: str, is_answered: bool
) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    answer = await page.http.get("/", headers=headers)
    if is_answered:
        assert answer.text == "done"
    else:
        assert_refused(page, answer, "another site may not read this page")


async def test_b8_a_form_of_another_user_is_refused_even_with_the_token(
    page: Page, allowed_users: list[bool]
) -> None:
    """A build of the local cloud runs a branch's code: it must not approve itself."""
    allowed_users[0] = False
    assert_refused(page, await page.post(), "the request comes from another user of this machine")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_b8_another_user_cannot_read_the_page(
    page: Page, allowed_users: list[bool], method: str
) -> None:
    """The page reads with the credentials of who started it, and its forms have the token."""
    allowed_users[0] = False
    answer = await page.http.request(method, "/")
    assert answer.status_code == 403
    assert page.reached == []


async def test_b8_another_site_cannot_write_to_the_terminal_of_the_page(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    """The page writes its log there, and the server decodes the address before."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    answer = await page.http.get("/%1b%5d0;title%07%0d%0aforged", headers=headers)
    assert answer.status_code == 403
    [line] = caplog.messages
    assert line.isprintable()
    assert "forged" in line


async def test_b8_two_headers_host_are_refused(page: Page) -> None:
    request = page.http.build_request("GET", "/")
    request.headers = httpx.Headers([("Host", f"127.0.0.1:{PORT}"), ("Host", "evil.example")])
    assert_refused(page, await page.http.send(request), "the header Host")


async def test_b8_the_start_and_the_end_of_the_server_are_passed_on() -> None:
    kinds: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        kinds.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    await Guard(inner)({"type": "lifespan"}, nothing, nothing)
    assert kinds == ["lifespan"]


async def test_b8_each_process_has_a_token_of_its_own() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None: ...

    assert Guard(inner).token != Guard(inner).token
