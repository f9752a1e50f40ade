"""B8: every button, from the click to the end of its command, in a browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from page.actions.action import Action, Confirmation, Subject
from page.actions.placing import address
from page.actions.registry import actions_of
from tests.running_page.account import (
    BRANCH,
    MESSAGE,
    OTHER_BRANCH,
    OTHER_SUFFIX,
    PIPELINE,
    RUN,
    SUFFIX,
)
from tests.running_page.site import Site

pytestmark = pytest.mark.xdist_group("running page 1")  # each group starts a browser
_NAMED: Final = ("BRANCH", "EXECUTION", "SUFFIX")


@dataclass(frozen=True, kw_only=True)
class Pressed:
    """A button: where it is, and what make must be asked for."""

    action: Action
    path: str
    asked: tuple[str, ...]

    @property
    def link(self) -> str:
        values = [value for value in self.asked[1:] if value.partition("=")[0] in _NAMED]
        return f'a.button[href="{address(self.action, dict(v.split("=") for v in values))}"]'


def all_buttons(*, on_aws: bool) -> Iterator[Pressed]:
    for action in (a for kind in Subject for a in actions_of(kind, on_aws=on_aws)):
        constants = [f"{name}={value}" for name, value in action.constants.items()]
        if on_aws:
            constants.append("AWS=yes")
        if action.name in ("approve", "reject"):
            path, values = f"/runs/{PIPELINE}/{RUN}", [f"BRANCH={BRANCH}", f"EXECUTION={RUN}"]
        elif action.subject is Subject.BRANCH:
            path, values = "/", [f"BRANCH={OTHER_BRANCH}"]
        elif action.subject is Subject.HUB:
            path, values = "/", []
        else:
            path, values = f"/environments/{SUFFIX}", [f"SUFFIX={SUFFIX}"]
        if action.name == "trace":
            values.append(f"TRANSACTION={RUN}")
        yield Pressed(action=action, path=path, asked=(action.target, *values, *constants))


BUTTONS: Final = {pressed.action.name: pressed for pressed in all_buttons(on_aws=False)}
AWS_BUTTONS: Final = {pressed.action.name: pressed for pressed in all_buttons(on_aws=True)}


async def open_question(page: Page, button: Pressed) -> Locator:
    await page.goto(button.path)
    await page.locator(button.link).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", level=1)).to_have_text(button.action.title)
    return dialog


async def confirm(question: Locator, button: Pressed) -> None:
    if button.action.confirmation is Confirmation.SECOND_CLICK:
        await question.get_by_role("checkbox").check()
    if button.action.confirmation is Confirmation.TYPED_NAME:
        await question.get_by_role("textbox").fill(OTHER_BRANCH)
    await question.locator("form.start button").click()


@pytest.mark.parametrize("name", BUTTONS)
async def test_b8_every_button_asks_and_runs_what_it_showed(
    page: Page, site: Site, name: str
) -> None:
    await press(page, site, BUTTONS[name])


@pytest.mark.parametrize("name", AWS_BUTTONS)
async def test_b8_every_button_of_an_account_asks_and_runs_what_it_showed(
    aws_page: Page, aws_site: Site, name: str
) -> None:
    await press(aws_page, aws_site, AWS_BUTTONS[name])


async def press(page: Page, site: Site, button: Pressed) -> None:
    name = button.action.name
    site.world.sleeping = "2026-11-26T20:00:00+00:00" if name == "wake" else ""
    question = await open_question(page, button)
    if name == "trace":
        await question.get_by_label("Transaction", exact=True).fill(RUN)
        await question.get_by_role("button", name="Use these choices").click()
        # The page asks the server for the new command.
        await expect(question.locator("code.command")).to_contain_text(f"TRANSACTION={RUN}")
    shown = await question.locator("code.command").inner_text()
    assert site.asked == [], "the question alone starts nothing"
    await confirm(question, button)
    command = page.locator("#command")
    await expect(command).to_contain_text("exit code 0")
    await expect(command).to_contain_text("finished")
    await expect(command.locator("code.command")).to_have_text(shown)
    (asked,) = site.asked
    assert asked[0] == button.asked[0]
    assert {*asked} >= {*button.asked}
    assert {*asked} - {*button.asked} <= {"QUEUE=transaction"}


async def test_b8_an_approval_is_shown_before_it_is_decided(page: Page, site: Site) -> None:
    question = await open_question(page, BUTTONS["approve"])
    await expect(question.get_by_role("region", name="Message of the")).to_have_text(MESSAGE)
    await question.locator("form.start button").click()
    assert site.asked == [], "the box is not checked: the browser asks for it"
    site.world.asks = False
    await page.reload()
    await expect(page.locator(BUTTONS["approve"].link)).to_have_count(0)


async def test_b8_a_wrong_name_deletes_nothing(page: Page, site: Site) -> None:
    question = await open_question(page, BUTTONS["destroy"])
    await question.get_by_role("textbox").fill(OTHER_SUFFIX)
    await question.locator("form.start button").click()
    problem = (
        f"This cannot be started. the typed name is '{OTHER_SUFFIX}': it must be {OTHER_BRANCH}"
    )
    await expect(page.locator("main .problem")).to_contain_text(problem)
    assert site.asked == []


async def test_b8_choices_change_the_command_before_it_is_started(page: Page, site: Site) -> None:
    question = await open_question(page, BUTTONS["redrive-plan"])
    await question.get_by_label("Queue").select_option("audit")
    await question.get_by_label("Reason").fill("refused_by_s3: AccessDenied")
    await question.get_by_role("button", name="Use these choices").click()
    command = f"make redrive SUFFIX={SUFFIX} QUEUE=audit 'REASON=refused_by_s3: AccessDenied'"
    await expect(question.locator("code.command")).to_have_text(f"{command} ANSWER=no")
    await question.locator("form.start button").click()
    await expect(page.locator("#command")).to_contain_text("exit code 0")
    assert site.asked == [
        ["redrive", f"SUFFIX={SUFFIX}", "QUEUE=audit", "REASON=refused_by_s3: AccessDenied",
         "ANSWER=no"]
    ]  # fmt: skip


async def test_b8_output_is_live_and_a_second_click_finds_the_running_command(
    page: Page, site: Site
) -> None:
    site.hold()
    site.fail()
    button = BUTTONS["drill-kill-task"]
    await confirm(await open_question(page, button), button)
    command = page.locator("#command")
    await expect(command).to_contain_text("running")
    first = page.url
    await expect(command).to_contain_text("asked for drill-kill-task")
    question = await open_question(page, BUTTONS["drill-lose-zone"])
    await question.get_by_role("link", name=button.action.title).click()
    await expect(page).to_have_url(first)
    site.release()
    await expect(command).to_contain_text("exit code 2")
    await expect(command).to_contain_text("docs/recovery.md describes every drill")
    await page.get_by_role("link", name="All commands").click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("drill-kill-task")
    await expect(page.get_by_role("row").nth(1)).to_contain_text("failed")
    assert len(site.asked) == 1


async def test_b8_a_running_command_can_be_interrupted(page: Page, site: Site) -> None:
    site.hold()
    await confirm(await open_question(page, BUTTONS["resend"]), BUTTONS["resend"])
    await expect(page.locator("#command")).to_contain_text("asked for resend")
    await page.get_by_role("button", name="Interrupt").click()
    await expect(page.locator("#command")).to_contain_text("stopped by signal 2")


async def test_b8_buttons_work_without_script(browser: Browser, site: Site) -> None:
    context = await browser.new_context(base_url=site.address, java_script_enabled=False)
    page = await context.new_page()
    button = BUTTONS["drill-kill-task"]
    await page.goto(button.path)
    await page.locator(button.link).click()
    await confirm(page.locator("main"), button)
    await expect(page.locator("#command")).to_contain_text("make drill-kill-task")
    while "running" in await page.locator("#command").inner_text():
        await page.reload()
    await expect(page.locator("#command")).to_contain_text("exit code 0")
    assert site.asked == [[*button.asked]]
    await context.close()
