"""The page over an account with recorded answers, asked over HTTP in memory."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx
import pytest

from page.application import application
from page.settings import PageSettings
from tests.page.recorded import CHECKOUT, RecordedAccount

ADDRESS = "http://127.0.0.1:4580"
Ask = Callable[[str], Awaitable[httpx.Response]]


@pytest.fixture(autouse=True)
def no_credentials_of_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture(autouse=True)
def every_user_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """These requests are made in memory: the kernel knows no connection of them."""
    monkeypatch.setattr("page.actions.peer.is_allowed_user", lambda *_: True)


@pytest.fixture
def aws() -> RecordedAccount:
    """An account of AWS."""
    return RecordedAccount(PageSettings(checkout=CHECKOUT, is_aws=True))


@pytest.fixture
def local(tmp_path: Path) -> RecordedAccount:
    """A local cloud, whose state folder is `settings.state`."""
    return RecordedAccount(
        PageSettings(checkout=CHECKOUT, endpoint_url="http://127.0.0.1:9", state=tmp_path / "state")
    )


def asking(account: RecordedAccount, *, headers: Mapping[str, str] | None = None) -> Ask:
    """A function that asks the page of `account`, as a browser does."""
    app = application(settings=account.settings, account=account)

    async def ask(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
            return await client.get(path, headers=headers)

    return ask


@pytest.fixture
def ask(aws: RecordedAccount) -> Ask:
    return asking(aws)
