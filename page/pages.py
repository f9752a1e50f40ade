"""The pages of cards, and which cards each has."""

from typing import Final

from page.buttons import Place
from page.card_page import CardPage
from page.cards import Card
from page.readers.branches import branches

HOME: Final = CardPage(
    path="/",
    title=lambda _: "Branches and runs",
    place=lambda _: Place(kind="home"),
    cards=(
        Card(
            name="branches",
            title="Branches",
            read=lambda account, _: branches(account),
            is_live=lambda found: any(b.last_run and b.last_run.is_live for b in found),
            is_wide=True,
        ),
    ),
)

CARD_PAGES: Final = (HOME,)
