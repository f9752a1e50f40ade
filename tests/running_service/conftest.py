"""A running service with a ledger, and a page of a real Chromium that knows its address."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.app_service.service_process import running_service
from tests.app_service.test_main import TlsDatabase, tls_database
from tests.browser import browser, chromium

__all__ = ["browser", "chromium", "tls_database"]


@pytest.fixture(scope="module")
def service(chromium: str, tls_database: TlsDatabase) -> Iterator[httpx.Client]:
    """Asked for after the browser: without one, nothing is started."""
    with running_service(tls_database) as client:
        yield client


@pytest_asyncio.fixture
async def page(browser: Browser, service: httpx.Client) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=str(service.base_url), ignore_https_errors=True)
    context.set_default_timeout(20_000)
    yield await context.new_page()
    await context.close()
