"""B8: everything can be reached and used with the keyboard alone, and one sees where one is."""

from typing import Final

import pytest
from playwright.async_api import Page, expect

from page.actions.registry import ACTIONS
from tests.operations.trace.traces import ID
from tests.running_page.account import PIPELINE, RUN, SUFFIX
from tests.running_page.site import Site

pytestmark = pytest.mark.xdist_group("running page 2")  # each group starts a browser
PAGES: Final = (
    "/",
    f"/runs/{PIPELINE}/{RUN}",
    f"/environments/{SUFFIX}",
    "/plots",
    "/commands",
    f"/trace?suffix={SUFFIX}&transaction={ID}",
    f"/actions/redrive?SUFFIX={SUFFIX}",
)


@pytest.mark.parametrize("path", PAGES)
async def test_b8_the_tab_key_reaches_everything_and_shows_it(page: Page, path: str) -> None:
    await page.goto(path)
    await page.evaluate(_KEEP_CARDS)
    wanted = await page.evaluate(_MARK_ALL)
    reached: set[int] = set()
    for _ in range(wanted + 5):
        await page.keyboard.press("Tab")
        number = await page.evaluate(_FOCUSED)
        if number is None:
            break
        reached.add(number)
    missing = sorted(set(range(wanted)) - reached)
    assert [await page.evaluate(_ELEMENT, number) for number in missing] == []


async def test_b8_the_first_key_skips_to_the_contents(page: Page) -> None:
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the contents")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()


async def test_b8_a_drill_is_started_with_the_keyboard_alone(page: Page, site: Site) -> None:
    await page.goto(f"/environments/{SUFFIX}")
    await page.evaluate(_KEEP_CARDS)
    button = page.get_by_role("link", name=ACTIONS["drill-lose-zone"].title, exact=True)
    await tab_to(page, 'a.button[href*="drill-lose-zone"]')
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_visible()
    assert await page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    await tab_to(page, "dialog input[type=checkbox]")
    await page.keyboard.press("Space")
    await tab_to(page, "dialog form.start button")
    await page.keyboard.press("Enter")
    await expect(page.locator("#command")).to_contain_text("exit code 0")
    assert site.asked == [["drill-lose-zone", f"SUFFIX={SUFFIX}"]]


async def test_b8_a_dialog_can_be_left_by_its_button_and_by_a_click_beside_it(page: Page) -> None:
    await page.goto("/")
    opens = page.get_by_role("link", name=ACTIONS["reconcile"].title)
    dialog = page.get_by_role("dialog")
    await opens.click()
    await dialog.get_by_role("link", name="Cancel").click()
    await expect(dialog).to_be_hidden()
    await opens.click()
    await expect(dialog).to_be_visible()
    await page.mouse.click(5, 400)
    await expect(dialog).to_be_hidden()
    assert page.url.endswith("/")


async def tab_to(page: Page, selector: str) -> None:
    for _ in range(80):
        if await page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"no {selector} with the Tab key")


# A card that is refreshed has new elements, without their numbers: on a busy machine the keys take
# longer than until the next refresh.
_KEEP_CARDS: Final = """() => document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.closest(".card")) event.preventDefault();
})"""
# All that a mouse can use, numbered.
_MARK_ALL: Final = """() => {
  const usable = "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']";
  const all = [...document.querySelectorAll(usable)].filter((e) => e.checkVisibility());
  all.forEach((element, number) => { element.dataset.number = number; });
  return all.length;
}"""
# The number of the element with the focus, if a person can see that it has it.
_FOCUSED: Final = """() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  const style = getComputedStyle(element);
  const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  return isSeen ? Number(element.dataset.number ?? -1) : -1;
}"""
_ELEMENT: Final = """(number) =>
  document.querySelector(`[data-number="${number}"]`)?.outerHTML.slice(0, 120)"""
