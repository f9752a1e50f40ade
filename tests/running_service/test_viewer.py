"""A person opens /docs in a real browser, signs in, and posts a transaction from the page."""

import httpx
from playwright.async_api import Locator, Page, expect

from tests.app_service.test_main import BASIC


async def sign_in(page: Page, *, secret: str = BASIC[1]) -> None:
    await page.goto("/docs")
    await page.get_by_label("Client id").fill(BASIC[0])
    await page.get_by_label("Client secret").fill(secret)
    await page.get_by_label("User").fill("ada")
    await page.get_by_role("button", name="Sign in").click()


async def send(page: Page, operation: str, body: str | None = None) -> Locator:
    """Send the request of an operation; return what the page shows of the answer."""
    block = page.locator(f"#operations-{operation}")
    if await block.get_by_role("button", name="Execute").count() == 0:
        await block.locator(".opblock-summary-control").click()
    if body is not None:
        await block.get_by_role("textbox").first.fill(body)
    await block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table")


async def test_a_person_signs_in_and_posts_a_transaction_from_the_page(page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(httpx.URL(request.url).host))
    await sign_in(page)
    await expect(page.get_by_text("Signed in as ada (client shop)")).to_be_visible()
    opened = await send(page, "Accounts-post_accounts")
    await expect(opened).to_contain_text('"account_id": 1001')
    opened = await send(page, "Accounts-post_accounts", '{"account_id": 1002, "currency": "USD"}')
    await expect(opened).to_contain_text('"account_id": 1002')
    answer = await send(page, "Transactions-post_transactions")
    await expect(answer).to_contain_text('"status": "posted"')
    assert hosts - {""} == {"127.0.0.1"}
    assert complaints == [], "an error, or something that the content security policy blocks"


async def test_wrong_credentials_are_explained_on_the_page(page: Page) -> None:
    await sign_in(page, secret="wrong")
    await expect(page.get_by_role("alert")).to_contain_text("id and secret")
    await expect(page.get_by_label("Client id")).to_be_visible()


async def test_signing_out_closes_the_session(page: Page) -> None:
    async with page.expect_request("**/openapi.json") as asked:
        await sign_in(page)
    headers = {"Authorization": (await (await asked.value).all_headers())["authorization"]}
    assert (await page.request.get("/sessions/current", headers=headers)).status == 200
    async with page.expect_response("**/sessions/current") as closed:
        await page.get_by_role("button", name="Sign out").click()
    assert (await closed.value).status == 204
    assert (await page.request.get("/sessions/current", headers=headers)).status == 401
    await expect(page.get_by_label("Client id")).to_be_visible()


async def test_backticks_of_descriptions_are_shown_as_code(page: Page) -> None:
    await sign_in(page)
    description = page.locator(".information-container")
    await expect(description.locator("code", has_text="may_go_negative")).to_be_visible()
    assert "`" not in await description.inner_text()
