"""A card: one subject that is read, shown and refreshed alone."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from page.account import Account

logger = logging.getLogger(__name__)

Subject = Mapping[str, str]
"""The parts of the page's address, and what follows its question mark."""

_LIVE_SECONDS: Final = 2
_IDLE_SECONDS: Final = 10


class NotThere(Exception):
    """What the address names does not exist; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """Its contents are the template `cards/<name>.html`, which gets the answer as `value`."""

    name: str
    title: str
    read: Callable[[Account, Subject], Any]
    # Whether something runs: then the card asks again sooner.
    is_live: Callable[[Any], bool] = lambda _: False
    is_wide: bool = False
    is_on_demand: bool = False  # not read before a person asks


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a card shows: an answer, or the reason why there is none."""

    value: Any = None
    problem: str = ""
    refresh_seconds: int | None = _IDLE_SECONDS


def read_card(card: Card, account: Account, subject: Subject) -> Reading:
    """Does not raise: a card that cannot be read says why, and the others stay."""
    try:
        value = card.read(account, subject)
    except NotThere as error:
        return Reading(problem=str(error))
    except (BotoCoreError, ClientError) as error:
        return Reading(problem=f"{error}.{_advice(account, error)}")
    except Exception as error:  # a card's boundary: the others must be shown
        logger.exception("card %s", card.name)
        return Reading(problem=f"{type(error).__name__}: {error} (an error of the page itself)")
    if card.is_on_demand:
        return Reading(value=value, refresh_seconds=None)
    return Reading(
        value=value, refresh_seconds=_LIVE_SECONDS if card.is_live(value) else _IDLE_SECONDS
    )


def _advice(account: Account, error: Exception) -> str:
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if "AccessDenied" in code or "Unauthorized" in code:
            return " The page reads with your credentials: they need this right."
        return ""
    if isinstance(error, NoCredentialsError):
        return " Sign in to the account, then load the page again."
    if account.settings.is_aws:
        return ""
    return " Does the local cloud run? `make up` starts it."
