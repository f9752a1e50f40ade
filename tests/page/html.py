"""Text of a page, as a person reads it."""

import html
import re


def text_of(page: str) -> str:
    """Without tags, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def card_of(page: str, name: str) -> str:
    """The HTML of one card."""
    found = re.search(rf'<section id="card-{name}".*?</section>', page, flags=re.DOTALL)
    assert found is not None, f"the page has no card {name}"
    return found.group()
