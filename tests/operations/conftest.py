"""The variables by which a program of `operations/` finds its account, set to the emulator."""

import pytest

from tests.account import Account
from tests.aws_stubs import aws

__all__ = ["aws"]


def set_account(patch: pytest.MonkeyPatch, endpoint_url: str) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        patch.setenv(name, value)


@pytest.fixture
def asked(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The account that is asked."""
    set_account(monkeypatch, account.endpoint_url)
    return account


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables name an account that does not answer."""
    set_account(monkeypatch, "http://127.0.0.1:9")
