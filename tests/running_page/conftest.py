"""The local page in a real Chromium: with an account that answers, and a make that only records."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Request, expect

from page.application import application
from page.readers import trace as reader
from page.settings import PageSettings
from tests.browser import browser, chromium
from tests.operations.trace.traces import complete
from tests.page.test_trace import evidence
from tests.running_page.account import World
from tests.running_page.site import ROOT, Site, fake_make, served

__all__ = ["browser", "chromium"]

# For a busy machine; on a free one nothing waits that long.
_PATIENCE_MS = 30_000
expect.set_options(timeout=_PATIENCE_MS)


@pytest_asyncio.fixture(scope="session")
async def running_site(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    state = tmp_path_factory.mktemp("state")
    draw_a_drill(state)
    settings = PageSettings(checkout=ROOT, state=state)
    async with running(settings, folder=tmp_path_factory.mktemp("make")) as site:
        yield site


@pytest_asyncio.fixture(scope="session")
async def running_aws_site(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """The same account, as the page of an account of AWS shows it."""
    settings = PageSettings(checkout=ROOT, state=tmp_path_factory.mktemp("state"), is_aws=True)
    async with running(settings, folder=tmp_path_factory.mktemp("make")) as site:
        yield site


@contextlib.asynccontextmanager
async def running(settings: PageSettings, *, folder: Path) -> AsyncIterator[Site]:
    world, runner = World(), fake_make(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setattr(reader, "gather", lambda _, *, suffix, subject: evidence(subject, complete()))
        app = application(settings=settings, runner=runner, account=world.account(settings))
        async with served(app) as address:
            yield Site(address=address, world=world, runner=runner, folder=folder)


def draw_a_drill(state: Path) -> None:
    drills = PageSettings(checkout=ROOT, state=state).drills
    drills.mkdir(parents=True)
    (drills / "kill-task.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200" width="400" height="200">'
        '<style>line { stroke: red; }</style><line x1="0" y1="0" x2="400" y2="200"/></svg>'
    )
    (drills / "kill-task.json").write_text('{"title": "Kill a task", "acknowledged": 1200}')


@pytest.fixture
def site(running_site: Site) -> Site:
    return as_new(running_site)


@pytest.fixture
def aws_site(running_aws_site: Site) -> Site:
    return as_new(running_aws_site)


def as_new(site: Site) -> Site:
    """What a test changes in the world is undone for the next one."""
    for name, value in vars(World()).items():
        setattr(site.world, name, value)
    site.forget()
    return site


@pytest_asyncio.fixture
async def page(browser: Browser, site: Site) -> AsyncIterator[Page]:
    async with quiet_page(browser, site) as page:
        yield page


@pytest_asyncio.fixture
async def aws_page(browser: Browser, aws_site: Site) -> AsyncIterator[Page]:
    async with quiet_page(browser, aws_site) as page:
        yield page


@contextlib.asynccontextmanager
async def quiet_page(browser: Browser, site: Site) -> AsyncIterator[Page]:
    """A page on which every message of the console fails the test."""
    context = await browser.new_context(
        base_url=site.address, viewport={"width": 1440, "height": 900}
    )
    context.set_default_timeout(_PATIENCE_MS)
    page = await context.new_page()
    complaints = complaints_of(page)
    yield page
    await context.close()
    assert complaints == [], "an error, or something that the content security policy blocks"


def complaints_of(page: Page) -> list[str]:
    """Collects what the console says and what fails to load."""
    complaints: list[str] = []

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before its answer came
            complaints.append(f"{request.url}: {request.failure}")

    def said(message: ConsoleMessage) -> None:
        # The console names every page that is not found or refused: the tests look at these pages.
        is_status = "status of 40" in message.text and message.location["url"] == page.url
        if not is_status:
            complaints.append(message.text)

    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", failed)
    return complaints
