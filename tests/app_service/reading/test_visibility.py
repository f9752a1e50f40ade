"""Who sees what: a reader and an operator everything, a poster its own; the rest does not exist."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app_service.database.database import Pool
from app_service.ledger.actor import Actor, Role
from tests.app_service.api.http_api import assert_problem
from tests.app_service.build import open_accounts, post, transaction
from tests.app_service.reading.conftest import ReadingApi, client
from tests.app_service.reading.test_accounts import open_for

SHOP, OTHER = client("shop"), client("other")
PERIOD = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}


def of_account(account_id: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every request that reads an account."""
    yield f"/accounts/{account_id}", {}
    yield f"/accounts/{account_id}", {"as_of": PERIOD["from"]}
    yield f"/accounts/{account_id}/entries", {}
    yield f"/accounts/{account_id}/statement", PERIOD
    yield "/transactions", {"account_id": account_id}


@pytest.mark.parametrize(
    ("actor", "sees"),
    [
        (SHOP, True),
        (OTHER, False),
        (client("other", Role.READER), True),
        (client("other", Role.OPERATOR), True),
    ],
)
async def test_an_account_is_seen_by_its_owner_readers_and_operators(
    api: ReadingApi, ledger_pool: Pool, actor: Actor, sees: bool
) -> None:
    await open_for(ledger_pool, "shop", 7)
    for path, query in of_account(7):
        answer = await api.get(path, actor=actor, **query)
        if sees:
            assert answer.status_code == 200
            continue
        hidden = assert_problem(answer, 404, "account_not_found")
        for other_path, other_query in of_account(8):
            if (other_path.replace("8", "7"), other_query.keys()) == (path, query.keys()):
                missing = await api.get(other_path, actor=actor, **other_query)
                assert missing.json() == hidden | {"detail": hidden["detail"].replace("7", "8")}, (
                    "it looks as if it did not exist"
                )


async def test_an_account_from_before_owners_is_hidden_from_posters(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await ledger_pool.execute(
        "INSERT INTO ledger.accounts (account_id, currency) VALUES (7, 'USD')"
    )
    assert_problem(await api.get("/accounts/7", actor=SHOP), 404, "account_not_found")
    shown = await api.get("/accounts/7", actor=client("shop", Role.READER))
    assert shown.json()["owner"] is None


async def test_a_poster_lists_its_own_accounts_only(api: ReadingApi, ledger_pool: Pool) -> None:
    await open_for(ledger_pool, "shop", 1, 3)
    await open_for(ledger_pool, "other", 2)
    for query in ({}, {"owner": "shop"}):
        found = await api.all("/accounts", of="accounts", actor=SHOP, limit=1, **query)
        assert [each["account_id"] for each in found] == [1, 3]
    problem = assert_problem(
        await api.get("/accounts", actor=SHOP, owner="other"), 403, "forbidden"
    )
    assert problem["detail"].startswith("owner:")
    reader = client("reports", Role.READER)
    found = await api.all("/accounts", of="accounts", actor=reader)
    assert [each["account_id"] for each in found] == [1, 2, 3]


async def _parties(pool: Pool) -> dict[str, Any]:
    """The bank's account 1, the shop's 2, the other's 3; transactions by who takes part."""
    await open_accounts(pool, 1)
    await open_for(pool, "shop", 2)
    await open_for(pool, "other", 3)
    found = {
        "bank to shop": transaction(1, 2, 100),
        "bank to other": transaction(1, 3, 100),
        "shop to other": transaction(2, 3, 10),
        "shop to other, refused": transaction(2, 3, 10_000),
        "no account of the shop": transaction(1, 3, 1),
    }
    found = {name: replace(each, reference="x") for name, each in found.items()}
    sender = {"shop to other": SHOP, "shop to other, refused": SHOP}
    for name, each in found.items():
        if name == "no account of the shop":
            # It debits an account for which the shop only had the right to ask.
            operator = client("shop", Role.OPERATOR)
            assert await post(pool, each, actor=operator) == ["posted"]
        elif name in sender:
            await post(pool, each, actor=sender[name])
        else:
            await post(pool, each)
    return found


@pytest.mark.parametrize(
    ("actor", "sees"),
    [
        (
            SHOP,
            {
                "bank to shop",
                "shop to other",
                "shop to other, refused",
                "no account of the shop",
            },
        ),
        (OTHER, {"bank to other", "shop to other", "no account of the shop"}),
        (client("nobody"), set()),
        (client("nobody", Role.READER), None),
        (client("nobody", Role.OPERATOR), None),
    ],
)
async def test_a_transaction_is_seen_by_its_parties_readers_and_operators(
    api: ReadingApi, ledger_pool: Pool, actor: Actor, sees: set[str] | None
) -> None:
    """A refused one is no business of the account that it would have credited."""
    found = await _parties(ledger_pool)
    sees = set(found) if sees is None else sees
    for name, each in found.items():
        answer = await api.get(f"/transactions/{each.transaction_id}", actor=actor)
        if name in sees:
            assert answer.json()["transaction_id"] == str(each.transaction_id)
        else:
            assert_problem(answer, 404, "transaction_not_found")
    listed = await api.all(
        "/transactions", of="transactions", actor=actor, reference="x", state="all", limit=2
    )
    assert {each["transaction_id"] for each in listed} == {
        str(found[name].transaction_id) for name in sees
    }
