"""What holds for every page: what the browser may load, and that nobody is left out."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from page.navigation import NAVIGATION
from tests.page import world
from tests.page.conftest import Ask
from tests.page.html import text_of
from tests.page.recorded import RecordedAccount
from tests.page.world import PIPELINE, RUN, SUFFIX

_PATHS = (
    *NAVIGATION,
    f"/environments/{SUFFIX}",
    f"/pipelines/{PIPELINE}",
    f"/runs/{PIPELINE}/{RUN}",
    "/nothing",
)
every_page = pytest.mark.parametrize("path", _PATHS)


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def _loaded(page: str) -> Iterator[str]:
    for tag, attributes in _Tags(page).found:
        if "src" in attributes:
            yield attributes["src"]
        if tag == "link":
            yield attributes["href"]
        if "hx-get" in attributes:
            yield attributes["hx-get"]


@pytest.fixture(autouse=True)
def everything(aws: RecordedAccount) -> None:
    world.environment(aws)


@every_page
async def test_only_what_this_server_sends_may_be_loaded(ask: Ask, path: str) -> None:
    answer = await ask(path)
    policy = answer.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    for kind in ("script-src", "style-src", "connect-src", "form-action"):
        assert f"{kind} 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert all(address.startswith("/") for address in _loaded(answer.text))


@every_page
async def test_no_page_needs_an_inline_script_or_style(ask: Ask, path: str) -> None:
    """The policy would stop it."""
    page = (await ask(path)).text
    assert not re.findall(r"<style|<script(?! src=)", page)
    for _, attributes in _Tags(page).found:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


@every_page
async def test_everything_that_a_page_loads_is_there(ask: Ask, path: str) -> None:
    for address in _loaded((await ask(path)).text):
        assert (await ask(address)).status_code in (200, 204), address


@every_page
async def test_ids_are_unique(ask: Ask, path: str) -> None:
    """By its id the focus finds back to an element of a card that was replaced."""
    ids = [a["id"] for _, a in _Tags((await ask(path)).text).found if "id" in a]
    assert len(ids) == len(set(ids))


@every_page
async def test_what_can_have_the_focus_in_a_card_has_an_id(ask: Ask, path: str) -> None:
    card = ""
    for tag, attributes in _Tags((await ask(path)).text).found:
        card = attributes["id"] if attributes.get("id", "").startswith("card-") else card
        if card and (tag in ("a", "summary", "button") or "tabindex" in attributes):
            # Links of buttons lead away from the page, and links of logs are at the console.
            is_marked = "class" in attributes or attributes.get("rel") == "noreferrer"
            assert "id" in attributes or is_marked, (tag, attributes)


@every_page
async def test_a_keyboard_can_skip_to_the_contents(ask: Ask, path: str) -> None:
    tags = _Tags((await ask(path)).text).found
    links = [attributes for tag, attributes in tags if tag == "a"]
    assert links[0]["href"] == "#main"
    assert ("main", {"id": "main", "tabindex": "-1"}) in tags


@every_page
async def test_the_title_names_the_page_and_the_account(ask: Ask, path: str) -> None:
    title = re.findall(r"<title>(.*)</title>", (await ask(path)).text)[0]
    assert title.endswith(" · AWS, us-east-1")


@pytest.mark.parametrize("path", NAVIGATION)
async def test_the_navigation_marks_the_page(ask: Ask, path: str) -> None:
    page = (await ask(path)).text
    assert re.findall(r'href="([^"]+)" aria-current="page"', page) == [path]


async def test_an_address_that_leads_nowhere_leads_back(ask: Ask) -> None:
    answer = await ask("/nothing")
    assert answer.status_code == 404
    assert "There is no such page" in text_of(answer.text)


async def test_what_a_stranger_wrote_is_shown_as_text(aws: RecordedAccount, ask: Ask) -> None:
    message = "<script>alert(1)</script>"
    pushed = world.run()
    pushed["sourceRevisions"][0]["revisionSummary"] = message
    world.runs(aws, pushed)
    page = (await ask("/")).text
    assert message not in page
    assert "&lt;script&gt;alert(1)" in page


async def test_htmx_is_that_of_the_lock_file(ask: Ask) -> None:
    script = await ask("/static/htmx.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "htmx" in script.text
