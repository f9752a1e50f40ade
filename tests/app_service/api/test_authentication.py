"""S33: sessions are opened with an API credential, carried as a bearer token, and expire."""

import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app_service.application import ROUTES
from app_service.clients.recent_reads import FRESH_SECONDS
from tests.app_service.api.http_api import Api, assert_problem, basic, running_api
from tests.app_service.build import document


@pytest_asyncio.fixture(params=[False, True], ids=["routes", "hot route"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with running_api(hot_route=request.param) as api:
        yield api


async def test_s33_nothing_but_health_and_the_viewers_files_is_served_without_a_session(
    api: Api,
) -> None:
    """S33: every route, without credentials."""
    open_to_all = set()
    for route in ROUTES:
        path = route.path.format(
            transaction_id="x", account_id="1", user_id="ada", file="viewer.js"
        )
        for method in route.methods or ():
            answer = await api.http.request(method, path, headers=api.anonymous)
            if answer.status_code != 401:
                open_to_all.add(route.path)
    assert open_to_all == {"/health/live", "/health/ready", "/docs", "/docs/{file}"}


async def test_s33_a_session_is_opened_read_listed_and_closed(api: Api) -> None:
    opened = await api.http.post("/sessions", headers=basic(), json={"user_id": "bob"})
    assert opened.status_code == 201
    assert opened.headers["cache-control"] == "no-store"
    assert set(opened.json()) == {"token", "expires_at"}
    assert opened.json()["expires_at"] == "2027-01-15T08:10:00.000000Z"
    bearer = {"Authorization": f"bearer {opened.json()['token']}"}
    session = {
        "user_id": "bob",
        "client_id": "shop",
        "role": "operator",
        "created_at": "2027-01-15T08:00:00.000000Z",
        "expires_at": "2027-01-15T08:10:00.000000Z",
    }
    assert (await api.http.get("/sessions/current", headers=bearer)).json() == session
    listed = await api.http.get("/users/bob/sessions", headers=bearer)
    assert listed.json() == {"sessions": [session]}
    closed = await api.http.delete("/sessions/current", headers=bearer)
    assert (closed.status_code, closed.content) == (204, b"")
    after = await api.http.get("/sessions/current", headers=bearer)
    assert_problem(after, 401, "session_invalid")


async def test_s33_an_expired_session_is_401(api: Api) -> None:
    assert (await api.http.get("/sessions/current")).status_code == 200
    api.clock[0] += 600
    answer = await api.http.get("/sessions/current")
    assert_problem(answer, 401, "session_invalid")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_a_session_does_not_list_those_of_another_user(api: Api) -> None:
    assert_problem(await api.http.get("/users/bob/sessions"), 403, "forbidden")


async def test_without_the_session_store_only_cached_sessions_are_served(api: Api) -> None:
    api.table.offline = True
    api.clock[0] += FRESH_SECONDS
    assert (await api.http.get("/sessions/current")).status_code == 200
    unknown = {"Authorization": "Bearer " + "a" * 43}
    answer = await api.http.get("/sessions/current", headers=unknown)
    assert_problem(answer, 503, "sessions_unavailable")
    assert answer.headers["retry-after"] == "1"


async def test_a_transaction_without_a_known_session_is_not_posted(api: Api) -> None:
    for header in ("", "Bearer " + "a" * 43):
        answer = await api.http.post(
            "/transactions", json=document(), headers={"Authorization": header}
        )
        assert answer.status_code == 401
    assert api.ledger.calls == []


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "session_required"),
        ("Bearer", "session_invalid"),
        ("Bearer ", "session_invalid"),
        ("Bearer nonsense", "session_invalid"),
        ("Bearer \u00e9", "session_invalid"),
        ("Digest x", "session_required"),
        (basic()["Authorization"], "session_required"),
    ],
)
async def test_other_credentials_do_not_replace_a_session(api: Api, header: str, code: str) -> None:
    answer = await api.http.get(
        "/accounts/1",
        headers=_raw(header),
    )
    assert_problem(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    [
        basic(secret="wrong")["Authorization"],
        basic(client_id="other")["Authorization"],
        basic(client_id="", secret="")["Authorization"],
        "Basic",
        "Basic ???",
        "Basic \u00e9",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Bearer " + "a" * 43,
    ],
)
async def test_only_the_api_client_opens_sessions(api: Api, header: str) -> None:
    for method, path in (("POST", "/sessions"), ("GET", "/openapi.json")):
        answer = await api.http.request(
            method,
            path,
            json={},
            headers=_raw(header),
        )
        assert_problem(answer, 401, "credentials_invalid")
        assert answer.headers["www-authenticate"] == 'Basic realm="ledger", charset="UTF-8"'


async def test_version_and_document_open_with_a_session_or_the_clients_credential(api: Api) -> None:
    for path in ("/openapi.json", "/version"):
        for headers in ({}, basic()):
            assert (await api.http.get(path, headers=headers)).status_code == 200


@pytest.mark.parametrize("user_id", ["", "a b", "\u00e9", "a" * 129, 7, None, ["ada"]])
async def test_a_malformed_user_is_400(api: Api, user_id: object) -> None:
    answer = await api.http.post("/sessions", headers=basic(), json={"user_id": user_id})
    assert assert_problem(answer, 400, "invalid")["detail"].startswith("user_id: must be")


def _raw(authorization: str) -> list[tuple[bytes, bytes]]:
    """A header as bytes: other characters than ASCII can be sent and must be refused, too."""
    return [(b"Authorization", authorization.encode("latin-1"))]
