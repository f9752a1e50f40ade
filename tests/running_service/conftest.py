"""A real Chromium and a running service with a ledger."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.app_service.service_process import running_service
from tests.app_service.test_main import TlsDatabase, tls_database

__all__ = ["tls_database"]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's Chromium. Without one the tests are skipped, but in CI they fail."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        reason = "no Chromium on PATH (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def service(chromium: str, tls_database: TlsDatabase) -> Iterator[httpx.Client]:
    """Asked for after the browser: without one, nothing is started."""
    with running_service(tls_database) as client:
        yield client


@pytest_asyncio.fixture(scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--disable-dev-shm-usage"]
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def page(browser: Browser, service: httpx.Client) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=str(service.base_url), ignore_https_errors=True)
    context.set_default_timeout(20_000)
    yield await context.new_page()
    await context.close()
