"""A page of cards: the whole page, and each card alone for its refresh."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from page.account import Account
from page.buttons import Place
from page.cards import Card, Reading, Subject, read_card
from page.origin import is_own

_SEEN: Final = "seen"
_READ: Final = "read"  # names a card that is read on demand, for browsers without a script
_READERS: Final = 8  # of the cards of one page, at the same time


@dataclass(frozen=True, kw_only=True)
class CardPage:
    """`path` as Starlette writes it; its parameters are the subject of every card."""

    path: str
    title: Callable[[Subject], str]
    cards: Sequence[Card]
    place: Callable[[Subject], Place]
    # What the address may carry after its question mark.
    options: Sequence[str] = ()


def routes_of(page: CardPage, *, account: Account, templates: Jinja2Templates) -> Iterator[Route]:
    """The page, and `<path>/cards/<card>`, which answers 204 while the card has not changed."""
    by_name = {card.name: card for card in page.cards}

    def show_page(request: Request) -> Response:
        subject = _subject(page, request)
        asked = request.query_params.getlist(_READ) if is_own(request.headers) else []
        with ThreadPoolExecutor(_READERS) as pool:
            readings = list(
                pool.map(
                    lambda card: (
                        read_card(card, account, subject)
                        if card.name in asked or not card.is_on_demand
                        else None
                    ),
                    page.cards,
                )
            )
        shown = [
            _card(templates, request, card, reading, subject)
            for card, reading in zip(page.cards, readings, strict=True)
        ]
        return templates.TemplateResponse(
            request,
            "cards.html",
            {"title": page.title(subject), "cards": shown, "here": page.place(subject)},
        )

    def show_card(request: Request) -> Response:
        card = by_name.get(request.path_params["card"])
        if card is None:
            raise HTTPException(404, f"this page has no card {request.path_params['card']!r}")
        subject = _subject(page, request)
        is_read = is_own(request.headers) or not card.is_on_demand
        reading = read_card(card, account, subject) if is_read else None
        text, mark = _card(templates, request, card, reading, subject)
        if request.query_params.get(_SEEN) == mark:
            return Response(status_code=204)
        return HTMLResponse(text)

    fragment = f"{page.path.rstrip('/')}/cards/{{card}}"
    yield Route(page.path, show_page)
    yield Route(fragment, show_card)


def _subject(page: CardPage, request: Request) -> dict[str, str]:
    path = {k: str(v) for k, v in request.path_params.items() if k != "card"}
    chosen = {k: v for k, v in request.query_params.items() if k in page.options}
    return path | chosen


def _card(
    templates: Jinja2Templates,
    request: Request,
    card: Card,
    reading: Reading | None,
    subject: Mapping[str, str],
) -> tuple[str, str]:
    """The card's HTML, and a mark that changes when it changes."""
    own = request.url.path.partition("/cards/")[0].rstrip("/")
    options = {k: v for k, v in subject.items() if k not in request.path_params}
    context: dict[str, Any] = {
        "card": card,
        "reading": reading,
        "value": reading.value if reading else None,
        "subject": subject,
    }
    body = templates.get_template("card_body.html").render(context)
    mark = hashlib.sha256(body.encode()).hexdigest()[:16]
    query = urlencode({**options, _SEEN: mark})
    source = f"{own}/cards/{card.name}"
    text = templates.get_template("card.html").render(
        {
            **context,
            "body": body,
            "refresh": f"{source}?{query}",
            "ask": source,
            "ask_page": f"{own or '/'}?{urlencode({**options, _READ: card.name})}",
        }
    )
    return text, mark
