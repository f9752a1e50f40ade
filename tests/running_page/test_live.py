"""B8: a run goes from running to green on the open page, and plots are there."""

from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.running_page.account import PIPELINE, RUN, STAGES, SUFFIX
from tests.running_page.site import ROOT, Site

pytestmark = pytest.mark.xdist_group("running page 2")  # each group starts a browser
RUN_PAGE: Final = f"/runs/{PIPELINE}/{RUN}"


@pytest.mark.parametrize(
    ("path", "place"), [("/", "#card-runs .line"), (RUN_PAGE, "#card-run .line")]
)
async def test_b8_a_push_goes_green_without_a_reload(
    page: Page, site: Site, path: str, place: str
) -> None:
    await page.goto(path)
    await page.evaluate("window.isSamePage = true")
    state = page.locator(f"{place} .state").first
    await expect(state).to_have_text("InProgress")
    site.world.done = len(STAGES)
    await expect(state).to_have_text("Succeeded")
    await expect(state).to_have_class("state good")
    await expect(page.locator("#announcement")).to_contain_text("Succeeded")
    assert await page.evaluate("window.isSamePage")


async def test_b8_a_refresh_leaves_the_keyboard_where_it_was(page: Page, site: Site) -> None:
    await page.goto(RUN_PAGE)
    link = page.locator("#card-run #to-pipeline")
    await link.focus()
    site.world.done = len(STAGES)
    await expect(page.locator("#card-run .line .state").first).to_have_text("Succeeded")
    await expect(link).to_be_focused()


async def test_b8_every_plot_is_shown(page: Page) -> None:
    plots = sorted((ROOT / "bench" / "results").rglob("*.svg"))
    assert plots
    await page.goto("/plots")
    shown = page.locator("img.picture")
    await expect(shown).to_have_count(len(plots) + 1)  # and that of the last drill
    addresses = [await image.get_attribute("src") or "" for image in await shown.all()]
    for plot in plots:
        assert any(f"/{plot.name}" in address for address in addresses), plot
    for image in await shown.all():
        await image.scroll_into_view_if_needed()
        await expect(image).to_be_visible()
        assert await image.evaluate("async (i) => { await i.decode(); return i.naturalWidth }") > 0


async def test_b8_the_last_drill_is_the_first_plot_and_opens_alone(page: Page) -> None:
    await page.goto("/plots")
    await expect(page.locator("figcaption").first).to_contain_text("Kill a task")
    await page.locator("figure a").first.click()
    await expect(page.locator("svg")).to_be_visible()


async def test_b8_the_architecture_is_shown(page: Page) -> None:
    await page.goto("/architecture")
    for image in await page.locator("img.picture").all():
        assert await image.evaluate("async (i) => { await i.decode(); return i.naturalWidth }") > 0
    assert await page.locator("img.picture").count() == 2


async def test_b8_dead_letters_are_read_when_a_person_asks(page: Page, site: Site) -> None:
    await page.goto(f"/environments/{SUFFIX}")
    card = page.locator("#card-dead_letters")
    await card.get_by_role("link", name="Read").click()
    await expect(card).to_contain_text("No dead letters")
