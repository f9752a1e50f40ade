"""Kinds of transactions and chains over HTTP, in memory."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from app_service.ledger.actor import Role
from app_service.ledger.verdict import Verdict
from tests.app_service.api.http_api import Api, assert_problem, running_api
from tests.app_service.build import document

TARGET = "abcdefab-0000-4000-8000-00000000000a"


@pytest_asyncio.fixture(params=[False, True], ids=["routes", "hot route"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with running_api(hot_route=request.param) as api:
        yield api


@pytest.mark.parametrize("kind", ["capture", "void", "reversal"])
async def test_the_path_gives_kind_and_target(api: Api, kind: str) -> None:
    new = {"transaction_id": str(uuid4()), "reference": "order 7"}
    answer = await api.http.post(f"/transactions/{TARGET}/{kind}", json=new)
    assert (answer.status_code, answer.json()["status"]) == (201, "posted")
    assert answer.headers["location"] == f"/transactions/{new['transaction_id']}"
    [[sent]] = api.ledger.calls
    assert sent.to_json() == new | {"kind": kind, "target_id": TARGET}


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        (f"/transactions/{TARGET}/void", {"kind": "void"}, "kind: the path gives it"),
        (f"/transactions/{TARGET}/void", {"target_id": TARGET}, "target_id: the path gives it"),
        (f"/transactions/{TARGET}/void", {"amount_minor": 5}, "amount_minor: not a field of kind"),
        (f"/transactions/{TARGET}/void", [], "transaction: must be an object, got a list"),
        ("/transactions/7/void", {}, "transaction_id: must be a UUID"),
        ("/transactions", document(linked=True), "linked: only a transaction of a batch"),
    ],
)
async def test_what_does_not_fit_the_path_is_400_naming_the_field(
    api: Api, path: str, body: Any, detail: str
) -> None:
    if isinstance(body, dict):
        body = {"transaction_id": str(uuid4()), **body}
    problem = assert_problem(await api.http.post(path, json=body), 400, "invalid")
    assert problem["detail"].startswith(detail)
    assert api.ledger.calls == []


async def test_a_forbidden_debit_is_403(api: Api) -> None:
    api.ledger.verdicts[7] = Verdict.FORBIDDEN
    answer = await api.http.post("/transactions", json=document(amount_minor=7))
    assert_problem(answer, 403, "forbidden")


async def test_a_transaction_is_posted_for_the_client_and_user_of_its_session(api: Api) -> None:
    carol = await api.sign_in("store", Role.POSTER, user_id="carol")
    await api.http.post("/transactions", json=document(), headers=carol)
    [actor] = api.ledger.actors
    assert (actor.client_id, actor.user_id, actor.path, actor.role) == (
        "store", "carol", "api", "poster",
    )  # fmt: skip


async def test_only_an_operator_opens_an_account_of_another_client(api: Api) -> None:
    poster = await api.sign_in("store", Role.POSTER)
    new = {"account_id": 7, "currency": "EUR", "owner": "other"}
    problem = assert_problem(
        await api.http.post("/accounts", json=new, headers=poster), 403, "forbidden"
    )
    assert "operator" in problem["detail"]
    assert (await api.http.post("/accounts", json=new)).json()["owner"] == "other"


async def test_a_malformed_transaction_keeps_its_whole_chain_from_the_ledger(api: Api) -> None:
    first, broken, last = (document(linked=True), document(amount_minor=0), document())
    broken["linked"] = True
    alone = document(amount_minor=3)
    answer = await api.http.post(
        "/transactions/batch", json={"transactions": [first, broken, last, alone]}
    )
    verdicts = answer.json()["verdicts"]
    assert [v["status"] for v in verdicts] == ["invalid"] * 3 + ["posted"]
    assert verdicts[0]["detail"] == "another transaction of its chain is malformed"
    assert verdicts[1]["detail"].startswith("amount_minor: must be")
    assert [[t.amount_minor for t in call] for call in api.ledger.calls] == [[3]]


async def test_a_chain_without_an_end_is_malformed(api: Api) -> None:
    linked = [document(linked=True), document(linked=True)]
    answer = await api.http.post("/transactions/batch", json={"transactions": linked})
    verdicts = answer.json()["verdicts"]
    assert [v["status"] for v in verdicts] == ["invalid", "invalid"]
    assert verdicts[1]["detail"].startswith("linked: the last transaction of a batch must not be")
    assert api.ledger.calls == []
