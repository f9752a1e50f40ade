"""B8: every page fits its window, is readable, and runs without a message of the console."""

from typing import Any, Final, Literal

import pytest
from playwright.async_api import Browser, Page, expect

from page.actions.registry import ACTIONS
from page.navigation import NAVIGATION
from tests.operations.trace.traces import ID
from tests.running_page.account import (
    BRANCH,
    OTHER_PIPELINE,
    OTHER_SUFFIX,
    PIPELINE,
    RUN,
    SUFFIX,
)
from tests.running_page.conftest import complaints_of
from tests.running_page.contrast import too_faint
from tests.running_page.site import Site

pytestmark = pytest.mark.xdist_group("running page 2")  # each group starts a browser
PAGES: Final = (
    *NAVIGATION,
    f"/pipelines/{PIPELINE}",
    f"/pipelines/{OTHER_PIPELINE}",
    f"/runs/{PIPELINE}/{RUN}",
    f"/environments/{SUFFIX}",
    f"/environments/{OTHER_SUFFIX}",
    "/environments/none",
    f"/trace?suffix={SUFFIX}&transaction={ID}",
    f"/trace?suffix={SUFFIX}&transaction=x",
    "/commands/none",
    "/actions/reconcile",
    f"/actions/destroy?BRANCH={BRANCH}",
    f"/actions/approve?BRANCH={BRANCH}&EXECUTION={RUN}",
    f"/actions/redrive?SUFFIX={SUFFIX}",
    f"/actions/drill-lose-zone?SUFFIX={SUFFIX}",
    "/actions/retry?BRANCH=$x",
)
SIZES: Final = {"desktop": (1440, 900), "phone": (390, 844)}
Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


@pytest.mark.parametrize("size", SIZES)
async def test_b8_every_page_fits_and_is_readable_in_light_and_dark(
    browser: Browser, site: Site, size: str
) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(
        base_url=site.address, viewport={"width": width, "height": height}
    )
    page = await context.new_page()
    complaints = complaints_of(page)
    wrong: dict[str, Any] = {}
    for path in (*PAGES, await a_finished_command(page, site)):
        await page.goto(path)
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            if found := await problems(page):
                wrong[f"{path} {scheme}"] = found
        if complaints:
            wrong[f"{path} console"] = [*complaints]
            complaints.clear()
    await context.close()
    assert wrong == {}


async def problems(page: Page) -> dict[str, Any]:
    """What a person would see or miss."""
    found: dict[str, Any] = {}
    if wide := await page.evaluate(_TOO_WIDE):
        found["wider than the window"] = wide
    if faint := await too_faint(page):
        found["contrast below 4.5"] = faint
    if unnamed := await page.evaluate(_UNNAMED):
        found["without a name"] = unnamed
    if await page.locator("h1").count() != 1:
        found["headings"] = await page.locator("h1").all_inner_texts()
    return found


async def a_finished_command(page: Page, site: Site) -> str:
    await page.goto("/actions/reconcile")
    await page.locator("form.start button").click()
    await expect(page.locator("#command")).to_contain_text("exit code 0")
    return page.url.removeprefix(site.address)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_b8_a_question_fits_a_phone_and_is_readable(
    browser: Browser, site: Site, scheme: Scheme
) -> None:
    context = await browser.new_context(
        base_url=site.address, viewport={"width": 390, "height": 844}, color_scheme=scheme
    )
    page = await context.new_page()
    complaints = complaints_of(page)
    await page.goto(f"/environments/{SUFFIX}")
    await page.get_by_role("link", name=ACTIONS["redrive"].title, exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    box = await dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert await too_faint(page) == []
    assert await page.evaluate(_TOO_WIDE) == []
    await context.close()
    assert complaints == []


# What is wider than the window without a box of its own that scrolls.
_TOO_WIDE: Final = """() => {
  const wide = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    for (const element of document.body.querySelectorAll("*")) {
      if (element.getBoundingClientRect().right > root.clientWidth + 1
          && !element.closest(".table, .log")) {
        wide.push(element.outerHTML.slice(0, 120));
      }
    }
    wide.push("the document");
  }
  return wide;
}"""
# What a screen reader could not name, and ids that are there twice.
_UNNAMED: Final = """() => {
  const name = (e) => e.getAttribute("aria-label") || e.innerText?.trim() || e.getAttribute("alt")
    || [...e.querySelectorAll("img")].map((i) => i.alt).join("")
    || (e.labels?.length ? e.labels[0].innerText : "") || e.getAttribute("aria-labelledby");
  const all = "a, button, input:not([type=hidden]), img, [tabindex='0']";
  const found = [...document.querySelectorAll(all)]
    .filter((e) => e.checkVisibility() && !name(e)).map((e) => e.outerHTML.slice(0, 120));
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  return found.concat(ids.filter((id, place) => ids.indexOf(id) !== place));
}"""
