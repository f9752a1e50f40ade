"""Which account is shown: who presses a button must see it."""

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from page.account import Account

_KEPT_SECONDS: Final = 60


def account_id(account: Account) -> str:
    """Of AWS. Empty for the local cloud, and if it cannot be read: then the cards say why."""
    if not account.settings.is_aws:
        return ""

    def read() -> str:
        try:
            return account.sts.get_caller_identity()["Account"]
        except (BotoCoreError, ClientError):
            return ""

    return account.remember("account", read, seconds=_KEPT_SECONDS)
