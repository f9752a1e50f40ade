"""B8: a button asks first, starts one command, and shows its output until its end."""

import asyncio
import html
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from page.actions.runner import Runner
from page.application import application
from page.settings import PageSettings
from tests.page.actions.delivery import MESSAGE, NEWER_RUN, RUN, Delivery
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
OWN = "http://127.0.0.1:4580"
ENVIRONMENT = {"SUFFIX": "main-v4grq1"}
SHOWS = "import sys; print(*sys.argv[1:]); print('<b>bold</b>')"


class Site:
    """The page, as a browser asks it, with a program in the place of make."""

    def __init__(self, folder: Path, delivery: Delivery) -> None:
        self.program = folder / "make.py"
        self.make(SHOWS)
        self.delivery = delivery
        runner = Runner(folder=folder, program=(sys.executable, str(self.program)))
        settings = PageSettings(checkout=ROOT, state=folder)
        app = application(settings=settings, runner=runner, account=delivery.account(settings))
        self.runner = runner
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url=OWN,
            headers={"Sec-Fetch-Site": "same-origin"},
        )

    def make(self, code: str) -> None:
        self.program.write_text(code)

    async def ask(self, action: str, values: dict[str, str]) -> httpx.Response:
        return await self.http.get(f"/actions/{action}?{urlencode(values)}")

    async def press(self, action: str, values: dict[str, str], **more: str) -> httpx.Response:
        """Send the form of the question as a browser does."""
        form = fields((await self.ask(action, values)).text)
        return await self.http.post(f"/actions/{action}", data={**form, **more})

    async def ended(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(command.is_running for command in self.runner.commands()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


def fields(text: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text)
    return {name: html.unescape(value) for name, value in found}


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    delivery = Delivery()
    site = Site(tmp_path, delivery)
    async with site.http:
        yield site
        for command in site.runner.commands():
            command.interrupt()
        await site.ended()


async def test_b8_the_question_says_what_will_happen_to_what_by_which_command(site: Site) -> None:
    asked = await site.ask("redrive", {**ENVIRONMENT, "REASON": "not sent"})
    text = html.unescape(asked.text)
    assert "Dead letters of main-v4grq1 are sent back to their queue" in text
    assert "make redrive SUFFIX=main-v4grq1 'REASON=not sent' ANSWER=yes" in text
    assert "local cloud, environment <strong>main-v4grq1" in text
    assert "<html" in text
    assert site.runner.commands() == [], "a question starts nothing"


async def test_b8_in_a_dialog_the_question_comes_without_the_page_around_it(site: Site) -> None:
    asked = await site.http.get("/actions/reconcile", headers={"HX-Request": "true"})
    assert asked.status_code == 200
    assert "<html" not in asked.text
    assert "make reconcile</code>" in asked.text


async def test_b8_what_was_shown_is_what_is_started_and_its_output_is_shown(site: Site) -> None:
    pressed = await site.press("verify-audit", {**ENVIRONMENT, "FROM": "2026-11-26T08:00Z"})
    assert pressed.status_code == 303
    await site.ended()
    shown = await site.http.get(pressed.headers["location"])
    assert "verify-audit SUFFIX=main-v4grq1 FROM=2026-11-26T08:00Z\n" in shown.text
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown.text
    assert "exit code 0" in shown.text
    assert 'href="/environments/main-v4grq1"' in shown.text
    assert "hx-trigger" not in shown.text.partition('id="command"')[2], "it asks no more"
    assert pressed.headers["location"] in (await site.http.get("/commands")).text


async def test_b8_while_it_runs_the_output_is_asked_for_and_answered_when_it_changes(
    site: Site,
) -> None:
    site.make("import time; print('first', flush=True); time.sleep(60)")
    place = (await site.press("verify-audit", ENVIRONMENT)).headers["location"]
    shown = ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "first" not in shown:
            shown = (await site.http.get(place)).text
    (again,) = re.findall(rf'hx-get="({place}/output\?seen=\w+)"', shown)
    assert (await site.http.get(again)).status_code == 204
    stopped = await site.http.post(f"{place}/stop", data=fields(shown))
    assert (stopped.status_code, stopped.headers["location"]) == (303, place)
    await site.ended()
    ended = (await site.http.get(again)).text
    assert "stopped</span> by signal 2" in ended
    assert "docs/runbooks/audit-discrepancies.md says what to do" in ended


async def test_b8_a_failed_command_says_what_to_do(site: Site) -> None:
    site.make("raise SystemExit(2)")
    pressed = await site.press("retry", {"BRANCH": "main"})
    await site.ended()
    shown = (await site.http.get(pressed.headers["location"])).text
    assert "failed</span> exit code 2" in shown
    assert "Push a commit that corrects it" in shown
    assert "It printed nothing." in shown
    listed = (await site.http.get("/commands")).text
    assert "failed</span> (2)" in listed


async def test_b8_a_second_click_shows_the_running_command(site: Site) -> None:
    site.make("import time; time.sleep(60)")
    first = await site.press("drill-kill-task", ENVIRONMENT, confirmed="yes")
    asked = await site.ask("drill-lose-zone", ENVIRONMENT)
    assert "Kill a task</a> runs there now" in asked.text
    form = {**fields(asked.text), **fields((await site.ask("reconcile", {})).text), **ENVIRONMENT}
    for name, says in (
        ("drill-lose-zone", "Lose a zone was not started.</strong> This command runs at the same"),
        ("drill-kill-task", "Kill a task was not started.</strong> It runs already"),
    ):
        second = await site.http.post(f"/actions/{name}", data={**form, "confirmed": "yes"})
        place, _, query = second.headers["location"].partition("?")
        assert (second.status_code, place) == (303, first.headers["location"])
        assert query == f"not_started={name}"
        assert says in (await site.http.get(second.headers["location"])).text
    assert len(site.runner.commands()) == 1
    assert "running</span>" in (await site.http.get("/commands")).text


@pytest.mark.parametrize(
    ("action", "values", "confirmed", "says"),
    [
        ("destroy", {"BRANCH": "feature/a"}, "feature/b", "it must be feature/a"),
        ("destroy", {"BRANCH": "feature/a"}, "", "it must be feature/a"),
        ("drill-lose-zone", ENVIRONMENT, "", "the box was not checked"),
        ("reconcile-apply", {}, "no", "the box was not checked"),
    ],
)
async def test_b8_without_the_confirmation_nothing_is_started(
    site: Site, action: str, values: dict[str, str], confirmed: str, says: str
) -> None:
    pressed = await site.press(action, values, confirmed=confirmed)
    assert pressed.status_code == 400
    assert says in pressed.text
    assert "This cannot be started." in pressed.text
    assert site.runner.commands() == []


async def test_b8_the_typed_name_starts_the_deletion(site: Site) -> None:
    assert (
        await site.press("destroy", {"BRANCH": "feature/a"}, confirmed="feature/a")
    ).status_code == 303
    await site.ended()
    assert site.runner.commands()[0].output.startswith("destroy BRANCH=feature/a ANSWER=yes\n")


async def test_b8_a_value_that_make_would_interpret_is_refused_in_link_and_form(site: Site) -> None:
    hostile = {"BRANCH": "$(shell touch pwned)"}
    asked = await site.ask("retry", hostile)
    assert asked.status_code == 400
    assert "it must be a branch name" in asked.text
    assert 'method="post"' not in asked.text
    token = fields((await site.ask("reconcile", {})).text)
    assert (await site.http.post("/actions/retry", data={**token, **hostile})).status_code == 400
    assert site.runner.commands() == []


async def test_b8_what_is_still_to_be_chosen_is_asked_for(site: Site) -> None:
    asked = await site.ask("trace", ENVIRONMENT)
    assert asked.status_code == 200
    assert 'name="TRANSACTION"' in asked.text
    assert 'method="post"' not in asked.text
    assert fields(asked.text) == ENVIRONMENT, "and the next question is about the same one"
    assert (
        "Shows the way of transaction"
        in (await site.ask("trace", {**ENVIRONMENT, "TRANSACTION": RUN})).text
    )
    token = fields((await site.ask("reconcile", {})).text)
    pressed = await site.http.post("/actions/trace", data={**token, **ENVIRONMENT})
    assert pressed.status_code == 400
    assert "TRANSACTION is empty: it must be a UUID" in pressed.text


async def test_b8_an_approval_shows_what_the_pipeline_waits_for_before_the_decision(
    site: Site,
) -> None:
    asked = html.unescape((await site.ask("approve", {"BRANCH": "main", "EXECUTION": RUN})).text)
    assert MESSAGE in asked
    assert "ProductionApproval/Approval" in asked
    assert asked.index(MESSAGE) < asked.index("make approve BRANCH=main")
    values = {"BRANCH": "main", "EXECUTION": RUN}
    assert (await site.press("approve", values, confirmed="yes")).status_code == 303
    await site.ended()
    (command,) = site.runner.commands()
    assert command.output.startswith(f"approve BRANCH=main EXECUTION={RUN} ANSWER=yes\n")


@pytest.mark.parametrize(
    ("waiting", "branch", "says"),
    [
        ("", "main", "does not wait for an approval."),
        (NEWER_RUN, "main", f"does not wait for an approval; run {NEWER_RUN} waits now."),
        (RUN, "another", "does not wait for an approval."),
    ],
)
async def test_b8_a_run_that_does_not_wait_is_not_approved(
    site: Site, waiting: str, branch: str, says: str
) -> None:
    site.delivery.waiting = waiting
    asked = await site.ask("approve", {"BRANCH": branch, "EXECUTION": RUN})
    assert asked.status_code == 400
    assert says in asked.text
    assert 'method="post"' not in asked.text


async def test_b8_a_command_from_before_a_restart_is_gone_and_the_page_says_so(site: Site) -> None:
    gone = await site.http.get("/commands/0123456789abcdef")
    assert gone.status_code == 404
    assert "it was restarted since" in gone.text
    assert (await site.http.get("/actions/format-disk")).status_code == 404
    assert "Nothing was started yet" in (await site.http.get("/commands")).text


async def test_b8_the_application_refuses_a_form_of_another_site(site: Site) -> None:
    form = fields((await site.ask("retry", {"BRANCH": "main"})).text)
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    refused = await site.http.post("/actions/retry", data=form, headers=foreign)
    assert refused.status_code == 403
    assert "content-security-policy" in refused.headers
    assert site.runner.commands() == []
