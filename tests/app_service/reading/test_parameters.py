"""Parameters of reads: each is checked and named, and none is ignored."""

from typing import Any

import pytest

from tests.app_service.api.http_api import assert_problem
from tests.app_service.build import open_accounts
from tests.app_service.reading.conftest import ReadingApi

TIMES_OF = "/transactions?account_id=1"


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/accounts/0", "account_id: must be a whole number from 1 to"),
        ("/accounts/abc", "account_id: must be a whole number from 1 to"),
        ("/accounts/9007199254740992", "account_id: must be a whole number"),
        ("/accounts/\u0661", "account_id: must be a whole number"),
        ("/accounts/" + "9" * 5000, "account_id: must be a whole number"),
        ("/accounts/1/entries?limit=0", "limit: must be a whole number from 1 to 500"),
        ("/accounts/1/entries?limit=501", "limit: must be a whole number"),
        ("/accounts/1/entries?limit=-1", "limit: must be a whole number"),
        ("/accounts/1/entries?cursor=x", "cursor: must be next_cursor"),
        ("/accounts/1/entries?cursor=", "cursor: must be next_cursor"),
        ("/accounts/1/entries?cursor=0", "cursor: must be a whole number"),
        ("/accounts/1/entries?cursor=\u0661", "cursor: must be a whole number"),
        ("/accounts?owner=Shop", "owner: must be 1 to 64 characters of a-z, 0-9 and -"),
        ("/accounts?page=2", "'page': unknown parameter; known here: owner, limit, cursor"),
        ("/accounts/1?asof=x", "'asof': unknown parameter; known here: as_of"),
        ("/accounts/1?as_of=2026-01-01", "as_of: must be a time with zone"),
        ("/accounts/1/statement", "from: missing"),
        ("/accounts/1/statement?from=2026-01-01T00:00:00Z", "to: missing"),
        ("/transactions", "account_id or reference: exactly one of them must be given"),
        ("/transactions?account_id=1&reference=x", "account_id or reference: exactly one"),
        ("/transactions?reference=", "reference: must be 1 to 200 characters"),
        ("/transactions?reference=%00", "reference: must be 1 to 200 characters"),
        ("/transactions?account_id=x", "account_id: must be a whole number"),
        ("/transactions?account_id=1&account_id=2", "account_id: must come once, came again"),
        ("/transactions?account_id=1&sate=refused", "'sate': unknown parameter"),
        ("/transactions?account_id=1&state=open", "state: must be one of posted, pending"),
        ("/transactions/7", "transaction_id: must be a UUID"),
        (f"{TIMES_OF}&from=2026-01-01T00:00:00", "from: must be a time with zone"),
        (f"{TIMES_OF}&from=2026-01-01T00:00:00+02:00", "from: must be a time with zone"),
        (f"{TIMES_OF}&from=2026-02-30T00:00:00Z", "from: must be a time with zone"),
        (f"{TIMES_OF}&from=2026-01-01T00:00:60Z", "from: must be a time with zone"),
        (f"{TIMES_OF}&from=2026-01-01T00:00:00.1234567Z", "from: must be a time with zone"),
        (f"{TIMES_OF}&from=2026-W01-1T00:00:00Z", "from: must be a time with zone"),
        (f"{TIMES_OF}&to=0001-01-01T00:00:00%2B14:00", "to: must be a time with zone"),
        (
            f"{TIMES_OF}&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "from: must not be later than to",
        ),
    ],
)
async def test_a_broken_parameter_is_400_naming_it(api: ReadingApi, path: str, detail: str) -> None:
    problem = assert_problem(await api.http.get(path), 400, "invalid")
    assert problem["detail"].startswith(detail)


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-01-01T00:00:00Z", "to": "9999-12-31T23:59:59.999999Z"},
        {"from": "2026-01-01t00:00:00.5z"},
        {"from": "0001-01-01T00:00:00Z", "to": "2026-01-01T00:00:00.123456-23:59"},
        {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T02:00:00+02:00"},
    ],
)
async def test_every_rfc_3339_time_in_microseconds_is_taken(
    api: ReadingApi, ledger_pool: Any, query: dict[str, str]
) -> None:
    await open_accounts(ledger_pool, 1)
    for state in ("all", "posted"):
        for by in ({"account_id": 1}, {"reference": "x"}):
            answer = await api.get("/transactions", **by, **query, state=state)
            assert answer.json() == {"transactions": [], "next_cursor": None}, answer.text


async def test_a_cursor_continues_only_its_own_query(api: ReadingApi, ledger_pool: Any) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    cursor = (await api.get("/accounts", limit=1)).json()["next_cursor"]
    again = await api.get("/accounts", limit=2, cursor=cursor)
    assert [each["account_id"] for each in again.json()["accounts"]] == [2, 3]
    for path, query in (
        ("/accounts", {"owner": "bank"}),
        ("/accounts/1/entries", {}),
        ("/accounts/1/statement", {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}),
        ("/transactions", {"account_id": 1}),
        ("/transactions", {"reference": "x"}),
    ):
        problem = assert_problem(await api.get(path, **query, cursor=cursor), 400, "invalid")
        assert problem["detail"].startswith("cursor: it belongs to another query")


async def test_an_account_that_does_not_exist_is_404(api: ReadingApi) -> None:
    for path in (
        "/accounts/7",
        "/accounts/7?as_of=2026-01-01T00:00:00Z",
        "/accounts/7/entries",
        "/accounts/7/statement?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
        "/transactions?account_id=7",
    ):
        assert_problem(await api.http.get(path), 404, "account_not_found")


@pytest.mark.parametrize("encoded", ["%ED%A0%80", "%ff", "%C0%80"])
async def test_bytes_that_are_no_text_find_nothing(api: ReadingApi, encoded: str) -> None:
    """They are decoded as U+FFFD: neither half a surrogate pair nor a NUL reaches the database."""
    answer = await api.http.get(f"/transactions?reference=a{encoded}b")
    assert (answer.status_code, answer.json()["transactions"]) == (200, [])
