"""B8: a page of another site, open in the same browser, can neither start nor read anything."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.running_page.site import Site, served

pytestmark = pytest.mark.xdist_group("running page 1")  # each group starts a browser
_FORM: Final = """<!doctype html><title>Foreign</title>
<form method="post" action="{target}"><input name="SUFFIX" value="main-v4grq1">
<input name="token" value="{token}"><input name="confirmed" value="yes"><button>Win</button></form>
"""
_FETCHES: Final = (
    "{method: 'POST', body: new URLSearchParams({SUFFIX: 'main-v4grq1', confirmed: 'yes'})}",
    "{method: 'POST', mode: 'no-cors', body: new URLSearchParams({SUFFIX: 'main-v4grq1'})}",
    "{method: 'POST', mode: 'no-cors', credentials: 'include'}",
    "{method: 'GET'}",
    "{method: 'GET', mode: 'no-cors'}",
    "{method: 'PUT'}",
)
_TARGET: Final = "/actions/drill-lose-zone"


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A server of another origin, whose form leads to the page."""

    address: str


@pytest_asyncio.fixture(params=["127.0.0.1", "another-name.localhost"])
async def foreign(request: Any, site: Site) -> AsyncIterator[Foreign]:
    """Another port of this machine is the same site, another name is not."""

    async def show(asked: Request) -> HTMLResponse:
        token = asked.query_params.get("token", "")
        return HTMLResponse(_FORM.format(target=f"{site.address}{_TARGET}", token=token))

    async with served(Starlette(routes=[Route("/", show)]), host=request.param) as address:
        yield Foreign(address=address)


@pytest_asyncio.fixture
async def visitor(page: Page, site: Site) -> AsyncIterator[Page]:
    """A browser that has the page open in another tab; the console tells what was refused."""
    other = await page.context.new_page()
    await page.goto("/")
    yield other


async def token_of(page: Page) -> str:
    await page.goto("/actions/reconcile")
    return await page.locator("form.start input[name=token]").input_value()


@pytest.mark.parametrize("knows_the_token", [False, True])
async def test_b8_a_form_of_another_site_starts_nothing(
    visitor: Page, page: Page, site: Site, foreign: Foreign, knows_the_token: bool
) -> None:
    token = await token_of(page) if knows_the_token else ""
    await visitor.goto(f"{foreign.address}/?token={token}")
    await visitor.get_by_role("button").click()
    await visitor.wait_for_url(f"{site.address}/**")
    text = await visitor.locator("body").inner_text()
    assert text.strip() == "Refused: the request comes from another site. Nothing was started."
    assert site.asked == []


async def test_b8_a_script_of_another_site_starts_nothing_and_reads_nothing(
    visitor: Page, site: Site, foreign: Foreign
) -> None:
    await visitor.goto(foreign.address)
    for options in _FETCHES:
        read = await visitor.evaluate(
            f"""async (address) => {{
              try {{ return await (await fetch(address, {options})).text(); }}
              catch {{ return ""; }}
            }}""",
            f"{site.address}{_TARGET}?SUFFIX=main-v4grq1",
        )
        assert read == "", options
    assert site.asked == []


async def test_b8_another_site_cannot_show_the_page_inside_of_its_own(
    visitor: Page, site: Site, foreign: Foreign
) -> None:
    """A click on a button that is hidden under another one would be the person's own."""
    await visitor.goto(foreign.address)
    await visitor.evaluate(
        """async (address) => {
          const frame = document.createElement("iframe");
          const loaded = new Promise((done) => { frame.onload = done; });
          frame.src = address;
          document.body.append(frame);
          await loaded;
        }""",
        f"{site.address}{_TARGET}?SUFFIX=main-v4grq1",
    )
    (frame,) = visitor.frames[1:]
    assert await frame.locator("form.start").count() == 0


async def test_b8_a_link_of_another_site_leads_to_the_question_and_starts_nothing(
    visitor: Page, site: Site, foreign: Foreign
) -> None:
    await visitor.goto(foreign.address)
    await visitor.evaluate(
        "(address) => { window.location = address }", f"{site.address}{_TARGET}?SUFFIX=main-v4grq1"
    )
    await visitor.wait_for_url(f"{site.address}/**")
    assert await visitor.locator("form.start").count() == 1
    assert site.asked == []


async def test_b8_a_foreign_name_for_this_address_is_refused(visitor: Page, site: Site) -> None:
    """DNS rebinding: the browser would take it for the page's own origin."""
    rebound = site.address.replace("127.0.0.1", "rebound.localhost")
    await visitor.goto(f"{rebound}/actions/reconcile")
    text = await visitor.locator("body").inner_text()
    assert text.startswith("Refused: the header Host is not the address of this page")
