"""Clients, their roles and their credentials, several of which are valid side by side."""

import hmac
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import pytest_asyncio

from app_service.api.authentication import actor_of
from app_service.clients.client_table import ClientsUnavailable, ClientTable
from app_service.clients.clients import Clients, first_credential
from app_service.clients.credentials import FIRST_CREDENTIAL_ID
from app_service.clients.recent_reads import CACHED_SECONDS, FRESH_SECONDS
from app_service.clients.session_table import Session
from app_service.ledger.actor import Actor, Path, Role
from tests.app_service.api.http_api import Api, assert_problem, basic, credential, running_api
from tests.app_service.build import document
from tests.app_service.fake_aws import CLIENTS_TABLE, FakeSessionsTable

ACCOUNT = {"account_id": 1, "currency": "USD"}


@pytest_asyncio.fixture(params=[False, True], ids=["routes", "hot route"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with running_api(hot_route=request.param) as api:
        yield api


@pytest.fixture
def table() -> FakeSessionsTable:
    return FakeSessionsTable()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


@pytest.fixture
def clock() -> list[float]:
    return [1_800_000_000.0]


@pytest.fixture
def clients(table: FakeSessionsTable, executor: ThreadPoolExecutor, clock: list[float]) -> Clients:
    return Clients(
        table=ClientTable(dynamodb=table.client, table_name=CLIENTS_TABLE, executor=executor),
        first=first_credential(client_id="first", secret="s3cret"),
        now=lambda: clock[0],
    )


async def role_of(clients: Clients, client_id: str, secret: str) -> Role | None:
    found = await clients.find(client_id, secret.encode(), admit=lambda: None)
    return found.role if found else None


async def test_a_client_signs_in_with_each_of_its_credentials(
    clients: Clients, table: FakeSessionsTable
) -> None:
    """So one can be replaced without an interruption."""
    for credential_id in ("old", "new"):
        item = credential("shop", f"secret {credential_id}", Role.POSTER, credential_id).to_item()
        table.credentials.append(item)
    table.credentials.append(credential("bank", "another", Role.READER).to_item())

    assert await role_of(clients, "shop", "secret old") is Role.POSTER
    assert await role_of(clients, "shop", "secret new") is Role.POSTER
    assert await role_of(clients, "bank", "another") is Role.READER
    assert await role_of(clients, "bank", "secret new") is None, "of another client"
    assert await role_of(clients, "nobody", "another") is None


async def test_the_first_client_is_an_operator_and_needs_no_table(
    clients: Clients, table: FakeSessionsTable
) -> None:
    table.offline = True
    assert await role_of(clients, "first", "s3cret") is Role.OPERATOR
    assert await clients.has("first", FIRST_CREDENTIAL_ID)
    with pytest.raises(ClientsUnavailable):
        await role_of(clients, "shop", "s3cret")


async def test_the_first_client_can_have_further_credentials(
    clients: Clients, table: FakeSessionsTable
) -> None:
    table.credentials.append(credential("first", "second", Role.OPERATOR).to_item())
    assert await role_of(clients, "first", "second") is Role.OPERATOR
    assert await role_of(clients, "first", "s3cret") is Role.OPERATOR


async def test_an_added_and_a_removed_credential_count_soon(
    clients: Clients, table: FakeSessionsTable, clock: list[float]
) -> None:
    assert await role_of(clients, "shop", "x") is None
    table.credentials.append(credential("shop", "x", Role.POSTER).to_item())
    clock[0] += FRESH_SECONDS
    assert await role_of(clients, "shop", "x") is Role.POSTER
    table.credentials.clear()
    clock[0] += FRESH_SECONDS
    assert await role_of(clients, "shop", "x") is None
    assert not await clients.has("shop", "c-1")


async def test_a_client_is_read_again_only_after_a_while_also_an_unknown_one(
    clients: Clients, table: FakeSessionsTable
) -> None:
    table.credentials.append(credential("shop", "x", Role.POSTER).to_item())
    for _ in range(3):
        await role_of(clients, "shop", "x")
        await role_of(clients, "nobody", "x")
    assert table.asked == ["Query", "Query"]


async def test_a_short_outage_of_dynamodb_does_not_stop_known_clients(
    clients: Clients, table: FakeSessionsTable, clock: list[float]
) -> None:
    table.credentials.append(credential("shop", "x", Role.POSTER).to_item())
    await role_of(clients, "shop", "x")
    table.offline = True
    clock[0] += FRESH_SECONDS
    assert await role_of(clients, "shop", "x") is Role.POSTER
    clock[0] += CACHED_SECONDS
    with pytest.raises(ClientsUnavailable):
        await role_of(clients, "shop", "x")


@pytest.mark.parametrize("client_id", ["", "Shop", "a" * 65, "\u00e9", "a b", "a\n", "shop\x00"])
async def test_a_malformed_id_is_not_looked_up(
    clients: Clients, table: FakeSessionsTable, client_id: str
) -> None:
    assert await role_of(clients, client_id, "x") is None
    assert table.asked == []


async def test_secrets_are_compared_in_constant_time_and_never_shown(
    clients: Clients, table: FakeSessionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    compare_digest = hmac.compare_digest

    def compare(left: str, right: str) -> bool:
        compared.append((len(left), len(right)))
        return compare_digest(left, right)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    of_shop = credential("shop", "secret", Role.POSTER)
    table.credentials.append(of_shop.to_item())
    for secret in ("secret", "s", ""):
        await role_of(clients, "shop", secret)
    assert compared == [(64, 64)] * 6, "hashes of one length"
    assert of_shop.secret_sha256 not in repr(of_shop)
    assert "'secret'" not in repr(of_shop.to_item()), "the table holds no secret"


async def test_a_session_carries_its_client_and_role(api: Api) -> None:
    headers = await api.sign_in("shop-2", Role.READER, user_id="bob")
    shown = (await api.http.get("/sessions/current", headers=headers)).json()
    assert (shown["client_id"], shown["role"], shown["user_id"]) == ("shop-2", "reader", "bob")


def test_the_actor_of_a_session_is_its_client_and_user() -> None:
    session = Session(token_hash="h", user_id="bob", client_id="shop", credential_id="c-1",
                      role=Role.POSTER, created_at=0, expires_at=1)  # fmt: skip
    assert actor_of(session) == Actor(
        client_id="shop", user_id="bob", path=Path.API, role=Role.POSTER
    )


async def test_a_reader_writes_nothing(api: Api) -> None:
    """What it may read: reading/test_visibility.py."""
    reader = await api.sign_in("auditor", Role.READER)
    for path, body in (
        ("/accounts", ACCOUNT | {"account_id": 2}),
        ("/transactions", document()),
        ("/transactions/batch", {"transactions": [document()]}),
    ):
        answer = await api.http.post(path, json=body, headers=reader)
        problem = assert_problem(answer, 403, "forbidden")
        assert problem["detail"] == (
            "client auditor has role reader: to make this request, role poster or operator is "
            "needed"
        )
    assert (api.ledger.accounts, api.ledger.calls) == ({}, [])


async def test_a_poster_opens_accounts_and_posts(api: Api) -> None:
    poster = await api.sign_in("shop-2", Role.POSTER)
    assert (await api.http.post("/accounts", json=ACCOUNT, headers=poster)).status_code == 201
    posted = await api.http.post("/transactions", json=document(), headers=poster)
    assert posted.status_code == 201


async def test_only_an_operator_opens_accounts_that_may_go_negative(api: Api) -> None:
    body = ACCOUNT | {"may_go_negative": True}
    poster = await api.sign_in("shop-2", Role.POSTER)
    refused = await api.http.post("/accounts", json=body, headers=poster)
    assert "role operator is needed" in assert_problem(refused, 403, "forbidden")["detail"]
    assert api.ledger.accounts == {}
    operator = await api.sign_in("treasury", Role.OPERATOR)
    assert (await api.http.post("/accounts", json=body, headers=operator)).status_code == 201


async def test_the_sessions_of_a_removed_credential_end_with_it(api: Api) -> None:
    """Also with all others of the same client still there."""
    old = await api.sign_in("shop-2", Role.POSTER, credential_id="old")
    api.clock[0] += FRESH_SECONDS
    new = await api.sign_in("shop-2", Role.POSTER, credential_id="new")
    api.table.credentials = [i for i in api.table.credentials if i["credential_id"]["S"] == "new"]
    api.clock[0] += FRESH_SECONDS
    for path in ("/sessions/current", "/version"):
        answer = await api.http.get(path, headers=old)
        assert answer.status_code == 401
        assert (await api.http.get(path, headers=new)).status_code == 200


async def test_a_session_lists_those_of_its_own_client_only(api: Api) -> None:
    """Clients name their users themselves: two may have one of the same name."""
    shop = await api.sign_in("shop-2", Role.POSTER, user_id="bob")
    bank = await api.sign_in("bank", Role.POSTER, user_id="bob")
    for headers, client_id in ((shop, "shop-2"), (bank, "bank")):
        listed = (await api.http.get("/users/bob/sessions", headers=headers)).json()["sessions"]
        assert [session["client_id"] for session in listed] == [client_id]


async def test_any_client_reads_the_pages_for_people(api: Api) -> None:
    await api.sign_in("auditor", Role.READER)
    answer = await api.http.get("/docs", headers=basic("auditor", "secret of c-1"))
    assert answer.status_code == 200


async def test_without_the_store_of_clients_a_login_is_503(api: Api) -> None:
    api.table.offline = True
    answer = await api.http.post("/sessions", headers=basic("shop-2", "x"), json={"user_id": "a"})
    assert_problem(answer, 503, "clients_unavailable")
    assert answer.headers["retry-after"] == "1"


async def test_the_probe_reads_the_table(clients: Clients, table: FakeSessionsTable) -> None:
    await clients.probe()
    table.offline = True
    with pytest.raises(ClientsUnavailable):
        await clients.probe()
