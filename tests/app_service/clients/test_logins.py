"""Failed logins and unknown tokens: limited for each address, counted, and in few log lines."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app_service.clients import failure_limit, refused_logins
from app_service.clients.failure_limit import FailureLimit, TooManyFailures
from app_service.clients.recent_reads import FIRST_READS_MAX, FRESH_SECONDS
from app_service.clients.refused_logins import OTHERS, RefusedLogins, call_later
from app_service.ledger.actor import Role
from tests.app_service.api.http_api import Api, assert_problem, basic, running_api
from tests.patience import PATIENCE_SECONDS

HERE, THERE = "203.0.113.1", "203.0.113.2"


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        yield api


async def log_in(
    api: Api, secret: str, *, client_id: str = "shop", at: str = HERE
) -> httpx.Response:
    headers = basic(client_id, secret) | {"X-Forwarded-For": at}
    return await api.http.post("/sessions", headers=headers, json={"user_id": "ada"})


async def with_token(api: Api, token: str, *, at: str = HERE) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": at}
    return await api.http.get("/sessions/current", headers=headers)


def token(number: int) -> str:
    return f"{number:043}"


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted({answer.status_code for answer in answers})


async def test_an_address_with_many_failed_logins_must_wait(api: Api) -> None:
    assert statuses([await log_in(api, "wrong") for _ in range(10)]) == [401]
    refused = await log_in(api, "wrong")
    assert_problem(refused, 429, "too_many_failed_logins")
    assert refused.headers["retry-after"] == "5"
    api.clock[0] += 5
    assert statuses([await log_in(api, "wrong") for _ in range(2)]) == [401, 429]


async def test_a_right_login_from_another_address_is_never_refused(api: Api) -> None:
    right = "s3cret-\u00e9"
    for _ in range(20):
        await log_in(api, "wrong")
    assert (await log_in(api, right, at=THERE)).status_code == 201
    assert (await log_in(api, right)).status_code == 429, "of the address that must wait"
    api.clock[0] += 50
    assert (await log_in(api, right)).status_code == 201


async def test_right_logins_are_not_limited(api: Api) -> None:
    await api.sign_in("shop-2", Role.POSTER)
    answers = [await log_in(api, "secret of c-1", client_id="shop-2") for _ in range(30)]
    assert statuses(answers) == [201]


async def test_failed_logins_at_once_are_limited_too(api: Api) -> None:
    """All of them arrive before the first has failed."""
    await api.sign_in("shop-2", Role.POSTER)
    api.clock[0] += FRESH_SECONDS
    answers = await asyncio.gather(*(log_in(api, "wrong", client_id="shop-2") for _ in range(100)))
    assert [answer.status_code for answer in answers].count(401) == 10


async def test_unknown_clients_cost_few_reads(api: Api) -> None:
    api.table.asked.clear()
    await asyncio.gather(*(log_in(api, "x", client_id=f"client-{n}") for n in range(100)))
    assert len(api.table.asked) <= 10 + FIRST_READS_MAX
    api.table.asked.clear()
    await log_in(api, "x", client_id="another")
    assert api.table.asked == [], "refused before DynamoDB is asked"


async def test_an_unknown_token_is_read_once(api: Api) -> None:
    api.table.asked.clear()
    for _ in range(20):
        assert_problem(await with_token(api, token(1)), 401, "session_invalid")
    assert api.table.asked == ["GetItem"]
    api.clock[0] += FRESH_SECONDS
    await with_token(api, token(1))
    assert api.table.asked == ["GetItem"] * 2


async def test_an_address_with_many_unknown_tokens_must_wait(api: Api) -> None:
    """Not 401: the token may be that of a session which was opened through another task."""
    api.table.asked.clear()
    answers = await asyncio.gather(*(with_token(api, token(n)) for n in range(300)))
    assert statuses([*answers]) == [401, 429]
    assert len(api.table.asked) <= 100 + FIRST_READS_MAX
    refused = await with_token(api, token(1000))
    assert_problem(refused, 429, "too_many_unknown_tokens")
    assert refused.headers["retry-after"] == "1"
    assert (await with_token(api, token(1000), at=THERE)).status_code == 401
    api.clock[0] += 0.2
    assert (await with_token(api, token(1000))).status_code == 401


async def test_known_sessions_are_served_whatever_their_address_does(api: Api) -> None:
    mine = api.http.headers["authorization"].partition(" ")[2]
    for number in range(300):
        await with_token(api, token(number))
    assert (await with_token(api, mine)).status_code == 200
    api.clock[0] += FRESH_SECONDS
    for number in range(300, 600):
        await with_token(api, token(number))
    assert (await with_token(api, mine)).status_code == 200


async def test_a_closed_session_ends_whatever_its_address_does(api: Api) -> None:
    """Otherwise a flood of unknown tokens would keep it in the cache."""
    mine = api.http.headers["authorization"].partition(" ")[2]
    api.table.items.clear()  # closed through another task
    api.clock[0] += FRESH_SECONDS
    for number in range(300):
        await with_token(api, token(number))
    assert (await with_token(api, mine)).status_code == 401


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.9, 203.0.113.1", "203.0.113.1"),
        ("203.0.113.1", "203.0.113.1"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("203.0.113.1, not an address", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
async def test_the_address_is_the_one_that_the_load_balancer_added(
    api: Api, caplog: pytest.LogCaptureFixture, forwarded: str, address: str
) -> None:
    """A client can send X-Forwarded-For itself: only the last entry is the load balancer's."""
    await log_in(api, "wrong", at=forwarded)
    assert refusals(caplog) == [("shop", address, 1)]


async def test_a_header_in_two_lines_is_read_to_its_end(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-For", HERE)]
    headers = [*basic(secret="wrong").items(), *lines]
    await api.http.post("/sessions", headers=headers, json={})
    assert refusals(caplog) == [("shop", HERE, 1)]


async def test_without_any_address_the_limit_still_holds() -> None:
    async with running_api() as api:
        app: Any = api.http._transport
        app.client = None
        assert statuses([await log_in(api, "x", at="") for _ in range(11)]) == [401, 429]


async def test_every_refused_login_is_counted(api: Api) -> None:
    for _ in range(15):
        await log_in(api, "wrong")
    assert api.totals.take()["logins_refused"] == 15


async def test_a_client_id_is_logged_only_if_it_is_one(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """People type secrets into wrong fields."""
    await log_in(api, "", client_id="My Secret!", at=HERE)
    await log_in(api, "s3cret", client_id="shop-2", at=THERE)
    assert refusals(caplog) == [("a string of 10 characters", HERE, 1), ("shop-2", THERE, 1)]
    assert "s3cret" not in caplog.text


def refusals(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, int]]:
    lines = [vars(r) for r in caplog.records if r.message == "login refused"]
    assert all(line["levelno"] == logging.WARNING for line in lines)
    return [(line["client_id"], line["address"], line["count"]) for line in lines]


class Timers:
    def __init__(self) -> None:
        self.waiting: list[Any] = []

    def later(self, seconds: float, call: Any) -> None:
        assert seconds == refused_logins.LINE_SECONDS
        self.waiting.append(call)

    def pass_by(self) -> None:
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            call()


def test_an_address_has_one_line_at_a_time_and_every_refusal_is_in_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    timers = Timers()
    refused = RefusedLogins(on_refused=lambda: None, later=timers.later)
    for _ in range(2000):
        refused.add(client_id="shop", address=HERE)
    refused.add(client_id="bank", address=THERE)
    assert refusals(caplog) == [("shop", HERE, 1), ("bank", THERE, 1)]
    timers.pass_by()
    assert refusals(caplog)[2:] == [("shop", HERE, 1999)]
    timers.pass_by()
    assert len(refusals(caplog)) == 3
    assert timers.waiting == []
    refused.add(client_id="shop", address=HERE)
    assert refusals(caplog)[3:] == [("shop", HERE, 1)], "at once: its last line is long ago"


def test_beyond_a_number_of_addresses_they_share_lines(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_logins, "ADDRESSES_MAX", 1)
    timers = Timers()
    refused = RefusedLogins(on_refused=lambda: None, later=timers.later)
    for number in range(3):
        refused.add(client_id="shop", address=f"203.0.113.{number}")
    assert refusals(caplog) == [("shop", "203.0.113.0", 1), ("shop", OTHERS, 1)]
    timers.pass_by()
    assert refusals(caplog)[2:] == [("shop", OTHERS, 1)]


def test_the_limit_remembers_a_bounded_number_of_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failure_limit, "ADDRESSES_MAX", 2)
    limit = FailureLimit(code="c", detail="d", burst=1, seconds=60, now=lambda: 100.0)
    for address in ("a", "b", "a", "c"):
        limit.failed(address)
    limit.check("b")  # the one that has failed least recently is forgotten
    for address in ("a", "c"):
        with pytest.raises(TooManyFailures):
            limit.check(address)


async def test_a_line_that_is_due_later_is_written_by_the_loop() -> None:
    written = asyncio.Event()
    call_later(0.001, written.set)
    await asyncio.wait_for(written.wait(), PATIENCE_SECONDS)
