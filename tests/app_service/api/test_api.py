"""The HTTP routes, in memory: requests, answers and all errors."""

import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
import pytest_asyncio
from starlette.requests import Request

from app_service.api.bodies import BATCH_BODY_BYTES, SMALL_BODY_BYTES, read_json
from app_service.api.problems import Problem
from app_service.ledger.domain import DatabaseUnavailable, Overloaded
from app_service.ledger.verdict import Verdict
from tests.app_service.api.http_api import Api, assert_problem, running_api
from tests.app_service.build import document

JSON = {"Content-Type": "application/json"}


@pytest_asyncio.fixture(params=[False, True], ids=["routes", "hot route"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with running_api(hot_route=request.param) as api:
        yield api


# -- one transaction --------------------------------------------------------------------------


async def test_a_posted_transaction_is_201_and_a_replayed_one_200(api: Api) -> None:
    new = document(amount_minor=1)
    posted = await api.http.post("/transactions", json=new)
    assert posted.status_code == 201
    assert posted.json() == {"transaction_id": new["transaction_id"], "status": "posted"}
    assert posted.headers["location"] == f"/transactions/{new['transaction_id']}"
    api.ledger.verdicts[1] = Verdict.REPLAYED
    again = await api.http.post("/transactions", json=new)
    assert (again.status_code, again.json()["status"]) == (200, "replayed")
    assert [[t.to_json() for t in call] for call in api.ledger.calls] == [[new], [new]]


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.CONFLICT, 409),
        (Verdict.INVALID, 400),
        (Verdict.ACCOUNT_NOT_FOUND, 422),
        (Verdict.CURRENCY_MISMATCH, 422),
        (Verdict.INSUFFICIENT_FUNDS, 422),
        (Verdict.BALANCE_LIMIT, 422),
    ],
)
async def test_a_refusal_has_a_stable_code(api: Api, verdict: Verdict, status: int) -> None:
    new = document(amount_minor=7)
    api.ledger.verdicts[7] = verdict
    problem = assert_problem(await api.http.post("/transactions", json=new), status, str(verdict))
    assert problem["transaction_id"] == new["transaction_id"]


@pytest.mark.parametrize(
    ("failure", "code", "seconds"),
    [(Overloaded(9), "overloaded", "1"), (DatabaseUnavailable(), "database_unavailable", "2")],
)
async def test_an_unavailable_ledger_is_503_with_retry_after(
    api: Api, failure: Exception, code: str, seconds: str
) -> None:
    api.ledger.failure = failure
    for path, body in (
        ("/transactions", document()),
        ("/transactions/batch", {"transactions": [document()]}),
    ):
        answer = await api.http.post(path, json=body)
        assert_problem(answer, 503, code)
        assert answer.headers["retry-after"] == seconds


async def test_an_unexpected_error_is_500_with_an_id_and_no_details(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.ledger.failure = failure = ZeroDivisionError("secret thing")
    problem = assert_problem(
        await api.http.post("/transactions", json=document()), 500, "internal_error"
    )
    assert "secret" not in json.dumps(problem)
    # The server logs the error that is raised again, with its note.
    assert failure.__notes__ == [f"answered to POST /transactions as {problem['instance']}"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'"\xff"', "not JSON in UTF-8"),
        (b"\xff\xfe{\x00}\x00", "not JSON in UTF-8"),
        (b'"\\ud800"', "not JSON"),
        (b"[" * 16_000, "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b'{"amount_minor": 1, "amount_min\\u006fr": 2}', "key 'amount_minor' comes twice"),
    ],
)
async def test_a_body_that_is_not_json_is_400(api: Api, body: bytes, says: str) -> None:
    answer = await api.http.post("/transactions", content=body, headers=JSON)
    assert says in assert_problem(answer, 400, "invalid_json")["detail"]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_minor": 12.5},
        {"amount_minor": 1.0},
        {"amount_minor": "12"},
        {"amount_minor": 10**30},
        {"debit_account": True},
        {"note": "hello"},
        {"credit_account": 1},
        {"transaction_id": None},
    ],
)
async def test_a_malformed_transaction_is_400_naming_the_field(
    api: Api, changes: dict[str, Any]
) -> None:
    answer = await api.http.post("/transactions", json=document(**changes))
    problem = assert_problem(answer, 400, "invalid")
    assert problem["detail"].strip("'").startswith(next(iter(changes)))
    assert api.ledger.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": ""},
        JSON | {"Content-Encoding": "gzip"},
    ],
)
async def test_only_json_without_content_encoding_is_accepted(
    api: Api, headers: dict[str, str]
) -> None:
    answer = await api.http.post("/transactions", content=b"{}", headers=headers)
    assert_problem(answer, 415, "unsupported_media_type")


async def test_a_charset_in_the_content_type_is_accepted(api: Api) -> None:
    answer = await api.http.post(
        "/transactions",
        content=json.dumps(document()),
        headers={"Content-Type": "Application/JSON; charset=utf-8"},
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/transactions", SMALL_BODY_BYTES), ("/transactions/batch", BATCH_BODY_BYTES)],
)
async def test_a_body_above_its_limit_is_413_declared_or_not(
    api: Api, path: str, limit: int
) -> None:
    async def unsized() -> AsyncIterator[bytes]:
        for _ in range(limit // 1024 + 1):
            yield b" " * 1024

    for content in (b" " * (limit + 1), unsized()):
        answer = await api.http.post(path, content=content, headers=JSON)
        assert_problem(answer, 413, "body_too_large")
    fits = await api.http.post(path, content=b" " * limit, headers=JSON)
    assert_problem(fits, 400, "invalid_json")


async def test_an_incomplete_body_is_a_problem() -> None:
    """As an unexpected error it would let any client fill the log with tracebacks."""
    arriving = iter([{"type": "http.request", "body": b'{"a', "more_body": True}])

    async def receive() -> MutableMapping[str, Any]:
        return next(arriving, {"type": "http.disconnect"})

    headers = [(b"content-type", b"application/json")]
    with pytest.raises(Problem, match="ended before the body"):
        await read_json(Request({"type": "http", "headers": headers}, receive))


# -- many transactions ------------------------------------------------------------------------


async def test_a_batch_returns_a_verdict_for_each_transaction_in_order(api: Api) -> None:
    api.ledger.verdicts[13] = Verdict.INSUFFICIENT_FUNDS
    api.ledger.verdicts[14] = Verdict.REPLAYED
    good, broken, poor, old = (document(amount_minor=n) for n in (1, 1.5, 13, 14))
    answer = await api.http.post(
        "/transactions/batch", json={"transactions": [good, broken, "x", {}, poor, old]}
    )
    assert answer.status_code == 200
    verdicts = answer.json()["verdicts"]
    assert [(v["transaction_id"], v["status"]) for v in verdicts] == [
        (good["transaction_id"], "posted"),
        (broken["transaction_id"], "invalid"),
        (None, "invalid"),
        (None, "invalid"),
        (poor["transaction_id"], "insufficient_funds"),
        (old["transaction_id"], "replayed"),
    ]
    assert verdicts[1]["detail"].startswith("amount_minor: must be an integer")
    assert verdicts[4]["detail"]
    assert "detail" not in verdicts[0]
    assert [t.amount_minor for t in api.ledger.calls[0]] == [1, 13, 14]


async def test_a_batch_without_a_valid_transaction_does_not_call_the_ledger(api: Api) -> None:
    answer = await api.http.post("/transactions/batch", json={"transactions": [{}]})
    assert [v["status"] for v in answer.json()["verdicts"]] == ["invalid"]
    assert api.ledger.calls == []


@pytest.mark.parametrize(
    "body",
    [[], {}, {"transactions": []}, {"transactions": {}}, {"transactions": [{}] * 1001},
     {"transactions": [{}], "atomic": True}],
)  # fmt: skip
async def test_a_malformed_batch_is_refused(api: Api, body: Any) -> None:
    assert_problem(await api.http.post("/transactions/batch", json=body), 400, "invalid")


async def test_a_batch_may_hold_1000_transactions(api: Api) -> None:
    items = [document() for _ in range(1000)]
    answer = await api.http.post("/transactions/batch", json={"transactions": items})
    assert len(answer.json()["verdicts"]) == 1000


# -- accounts ---------------------------------------------------------------------------------


async def test_an_account_is_opened_once(api: Api) -> None:
    new = {"account_id": 7, "currency": "EUR"}
    first = await api.http.post("/accounts", json=new)
    assert first.status_code == 201
    assert first.headers["location"] == "/accounts/7"
    assert first.json() == new | {
        "may_go_negative": False,
        "currency_exponent": 2,
        "owner": "shop",
        "state": "open",
        "balance_minor": 0,
        "held_minor": 0,
        "available_minor": 0,
        "version": 0,
    }
    again = await api.http.post("/accounts", json=new | {"may_go_negative": False})
    assert (again.status_code, again.json()) == (200, first.json())
    other = await api.http.post("/accounts", json=new | {"may_go_negative": True})
    assert_problem(other, 409, "account_conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"account_id": 0, "currency": "USD"}, "account_id"),
        ({"account_id": 2**53, "currency": "USD"}, "account_id"),
        ({"account_id": 1, "currency": "usd"}, "currency"),
        ({"account_id": 1, "currency": "ZZZ"}, "currency"),
        ({"account_id": 1}, "currency"),
        ({"account_id": 1, "currency": "USD", "may_go_negative": 1}, "may_go_negative"),
        ({"account_id": 1, "currency": "USD", "may_go_negative": None}, "may_go_negative"),
        ({"account_id": 1, "currency": "USD", "balance_minor": 5}, "balance_minor"),
        (["account_id"], "account"),
    ],
)
async def test_a_malformed_account_is_400_naming_the_field(api: Api, body: Any, field: str) -> None:
    problem = assert_problem(await api.http.post("/accounts", json=body), 400, "invalid")
    assert problem["detail"].strip("'").startswith(field)


# -- health, version and unknown paths --------------------------------------------------------


async def test_live_does_not_depend_on_the_neighbours(api: Api) -> None:
    """S65: a database failover must not take every task out at once."""
    api.neighbours.update(dict.fromkeys(api.neighbours, False))
    answer = await api.http.get("/health/live", headers=api.anonymous)
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


async def test_ready_names_the_missing_neighbour(api: Api) -> None:
    api.neighbours["sessions"] = False
    answer = await api.http.get("/health/ready", headers=api.anonymous)
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not_ready",
        "missing": ["sessions"],
        "neighbours": {"database": "ok", "sessions": "missing", "audit_queue": "ok"},
    }


async def test_ready_when_all_answer(api: Api) -> None:
    answer = await api.http.get("/health/ready", headers=api.anonymous)
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["missing"] == []


async def test_the_version_is_returned(api: Api) -> None:
    answer = await api.http.get("/version")
    assert answer.json() == {"version": "1.2.3", "environment_suffix": "test"}


@pytest.mark.parametrize("path", ["/", "/nowhere", "/transactions/", "/accounts/1/2/3"])
async def test_an_unknown_path_is_a_404_problem(api: Api, path: str) -> None:
    assert_problem(await api.http.get(path), 404, "not_found")


async def test_an_unknown_method_is_a_405_problem(api: Api) -> None:
    answer = await api.http.put("/transactions", json={})
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"
