"""The page that follows one transaction: a form, and the way that it asks for."""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from page.account import Account
from page.cards import Card, read_card
from page.origin import is_own
from page.readers.stacks import stacks
from page.readers.trace import trace

_CARD: Final = Card(name="trace", title="Follow a transaction", read=trace, is_on_demand=True)


def routes_of_trace(*, account: Account, templates: Jinja2Templates) -> Iterator[Route]:
    def show(request: Request) -> Response:
        asked = {
            name: request.query_params.get(name, "").strip() for name in ("suffix", "transaction")
        }
        is_asked = bool(asked["transaction"]) and is_own(request.headers)
        reading = read_card(_CARD, account, asked) if is_asked else None
        return templates.TemplateResponse(
            request,
            "trace.html",
            {"asked": asked, "reading": reading, "suffixes": _suffixes(account)},
        )

    yield Route("/trace", show)


def _suffixes(account: Account) -> list[str]:
    """Of the environments; none if the account does not answer."""
    try:
        return [stack.suffix for stack in stacks(account) if stack.is_environment]
    except (BotoCoreError, ClientError):
        return []
