"""GET /accounts and /accounts/{id}; freezing and closing."""

from typing import Any

import pytest

from app_service.database.database import Pool
from app_service.ledger.actor import Role
from app_service.ledger.domain import NewAccount
from app_service.posting import accounts
from tests.app_service.api.http_api import assert_problem
from tests.app_service.build import hold, open_accounts, post, transaction
from tests.app_service.reading.conftest import ReadingApi, client

SHOP = client("shop")


async def open_for(pool: Pool, owner: str, *account_ids: int) -> None:
    async with pool.acquire() as connection:
        for account_id in account_ids:
            new = NewAccount(account_id=account_id, currency="USD")
            await accounts.open_account(connection, new, client(owner))


async def test_an_account_shows_what_is_held_and_what_is_available(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    await post(ledger_pool, transaction(1, 2, 100), hold(30))
    assert (await api.get("/accounts/2")).json() == {
        "account_id": 2,
        "currency": "USD",
        "may_go_negative": False,
        "owner": "bank",
        "currency_exponent": 2,
        "state": "open",
        "balance_minor": 100,
        "held_minor": 30,
        "available_minor": 70,
        "version": 1,
    }


async def test_accounts_are_listed_by_number_in_pages(api: ReadingApi, ledger_pool: Pool) -> None:
    await open_for(ledger_pool, "shop", 9, 3, 5)
    await open_for(ledger_pool, "other", 4, 8)
    for limit in (1, 2, 3, 5):
        found = await api.all("/accounts", of="accounts", limit=limit)
        assert [each["account_id"] for each in found] == [3, 4, 5, 8, 9]
        of_shop = await api.all("/accounts", of="accounts", owner="shop", limit=limit)
        assert [each["account_id"] for each in of_shop] == [3, 5, 9]
    assert found[0] == (await api.get("/accounts/3")).json()


async def test_accounts_opened_meanwhile_do_not_disturb_the_pages(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_for(ledger_pool, "shop", 10, 20, 30)
    found = []
    async for page in api.pages("/accounts", of="accounts", limit=1):
        found += [each["account_id"] for each in page]
        await open_for(ledger_pool, "shop", found[-1] - 1)
    assert [each for each in found if each % 10 == 0] == [10, 20, 30]
    assert len(found) == len(set(found))


async def test_an_operator_freezes_and_unfreezes_and_may_repeat_it(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    for change, state in (("freeze", "frozen"), ("unfreeze", "open")):
        for _ in range(2):
            answer = await api.post(f"/accounts/2/{change}")
            assert (answer.status_code, answer.json()["state"]) == (200, state)
            assert answer.json() == (await api.get("/accounts/2")).json()
    changes = await ledger_pool.fetch("SELECT * FROM ledger.account_changes ORDER BY change_id")
    assert [(row["state"], row["client_id"], row["user_id"]) for row in changes] == [
        ("frozen", "shop", "ada"),
        ("open", "shop", "ada"),
    ]


async def test_only_an_empty_account_is_closed_and_it_stays_closed(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2, 3, negative=(1, 3))
    await post(ledger_pool, transaction(1, 2, 10), hold(4, debit=3, credit=2))
    for account_id in (2, 3):  # one holds money, the other has a pending hold
        problem = assert_problem(
            await api.post(f"/accounts/{account_id}/close"), 409, "account_not_empty"
        )
        assert "a balance of 0 and no pending hold" in problem["detail"]
    await post(ledger_pool, transaction(2, 1, 10))
    for _ in range(2):
        answer = await api.post("/accounts/2/close")
        assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    for change in ("freeze", "unfreeze"):
        assert_problem(await api.post(f"/accounts/2/{change}"), 409, "account_closed")
    assert (await api.get("/accounts/2")).json()["state"] == "closed"


@pytest.mark.parametrize(
    ("change", "actor", "status"),
    [
        ("freeze", client("shop"), 403),
        ("unfreeze", client("shop"), 403),
        ("close", client("shop"), 200),
        ("freeze", client("other"), 404),
        ("close", client("other"), 404),
        ("freeze", client("shop", Role.READER), 403),
        ("close", client("shop", Role.READER), 403),
        ("freeze", client("other", Role.OPERATOR), 200),
        ("close", client("other", Role.OPERATOR), 200),
    ],
)
async def test_owners_close_and_operators_freeze(
    api: ReadingApi, ledger_pool: Pool, change: str, actor: Any, status: int
) -> None:
    await open_for(ledger_pool, "shop", 7)
    answer = await api.post(f"/accounts/7/{change}", actor=actor)
    assert answer.status_code == status
    if status != 200:
        code = {403: "forbidden", 404: "account_not_found"}[status]
        assert_problem(answer, status, code)
        assert (await api.get("/accounts/7")).json()["state"] == "open"


async def test_a_change_of_an_account_that_does_not_exist_is_404(api: ReadingApi) -> None:
    assert_problem(await api.post("/accounts/7/freeze"), 404, "account_not_found")
