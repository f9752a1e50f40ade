"""A request that posts has a log line, as long as there are few of them."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app_service.api.request_log import IDS_MAX, LINES_PER_SECOND
from app_service.ledger.domain import DatabaseUnavailable
from app_service.ledger.verdict import Verdict
from app_service.log_messages import REQUEST_ANSWERED
from tests.app_service.api.http_api import Api, running_api
from tests.app_service.build import document

TRACE, DIGITS = "1-67891233-abcdef012345678912345678", "67891233abcdef012345678912345678"
TRACED = {"X-Amzn-Trace-Id": f"Self=1-67891234-00000000000000000000000a;Root={TRACE};A=b"}


@pytest_asyncio.fixture(params=[False, True], ids=["routes", "hot route"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with running_api(hot_route=request.param) as api:
        yield api


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    names = ("transaction_ids", "transactions", "verdicts", "status", "trace_id")
    return [
        {name: value for name, value in vars(record).items() if name in names}
        for record in caplog.records
        if record.message == REQUEST_ANSWERED
    ]


async def test_the_ledger_and_the_line_get_the_trace_of_the_request(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    new = document()
    await api.http.post("/transactions", json=new, headers=TRACED)
    assert api.ledger.origins == [DIGITS]
    assert lines(caplog) == [
        {
            "transaction_ids": [new["transaction_id"]],
            "transactions": 1,
            "verdicts": {"posted": 1},
            "status": 201,
            "trace_id": TRACE,
        }
    ]


@pytest.mark.parametrize("header", ["", "Root=x", "Root=1-x;" * 500, "\xff="])
async def test_a_header_that_names_no_trace_does_not_keep_a_transaction_from_being_posted(
    api: Api, caplog: pytest.LogCaptureFixture, header: str
) -> None:
    caplog.set_level(logging.INFO)
    sent = {"X-Amzn-Trace-Id": header.encode("latin-1")}
    answer = await api.http.post(
        "/transactions",
        json=document(),
        headers=[*sent.items()],  # type: ignore[arg-type]
    )
    assert answer.status_code == 201
    assert api.ledger.origins == [None]
    assert "trace_id" not in lines(caplog)[0]


async def test_other_routes_carry_the_trace_too(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    some = [document() for _ in range(IDS_MAX + 2)]
    await api.http.post("/transactions/batch", json={"transactions": [*some, {}]}, headers=TRACED)
    path = f"/transactions/{some[0]['transaction_id']}/reversal"
    reversal = {"transaction_id": document()["transaction_id"]}
    await api.http.post(path, json=reversal, headers=TRACED)
    assert api.ledger.origins == [DIGITS] * (len(some) + 1)
    batch, single = lines(caplog)
    assert batch["transaction_ids"] == [each["transaction_id"] for each in some[:IDS_MAX]]
    assert (batch["transactions"], batch["verdicts"]) == (len(some), {"posted": len(some)})
    assert single["transaction_ids"] == [reversal["transaction_id"]]


@pytest.mark.parametrize(
    ("verdict", "status"),
    [(Verdict.REPLAYED, 200), (Verdict.CONFLICT, 409), (Verdict.INSUFFICIENT_FUNDS, 422)],
)
async def test_a_request_that_posted_nothing_has_its_own_trace_in_its_line(
    api: Api, caplog: pytest.LogCaptureFixture, verdict: Verdict, status: int
) -> None:
    caplog.set_level(logging.INFO)
    api.ledger.verdicts[7] = verdict
    await api.http.post("/transactions", json=document(amount_minor=7), headers=TRACED)
    [line] = lines(caplog)
    assert (line["verdicts"], line["status"], line["trace_id"]) == ({verdict: 1}, status, TRACE)


@pytest.mark.parametrize(("failure", "status"), [(DatabaseUnavailable(), 503), (OSError(), 500)])
async def test_a_request_whose_result_is_unknown_has_a_line_without_verdicts(
    api: Api, caplog: pytest.LogCaptureFixture, failure: Exception, status: int
) -> None:
    caplog.set_level(logging.INFO)
    api.ledger.failure = failure
    for path, body in (
        ("/transactions", document()),
        ("/transactions/batch", {"transactions": [document()]}),
    ):
        assert (await api.http.post(path, json=body)).status_code == status
    assert [(line["verdicts"], line["status"]) for line in lines(caplog)] == [({}, status)] * 2


async def test_at_full_load_few_requests_have_lines_and_success_does_not_hide_failure(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    api.ledger.verdicts[7] = Verdict.CONFLICT

    async def load() -> list[dict[str, Any]]:
        caplog.clear()
        for _ in range(LINES_PER_SECOND + 5):
            await api.http.post("/transactions", json=document())
        await api.http.post("/transactions", json=document(amount_minor=7))
        return lines(caplog)

    found = await load()
    assert [line["status"] for line in found] == [201] * LINES_PER_SECOND + [409]
    api.clock[0] += 1
    assert len(await load()) == LINES_PER_SECOND + 1
    first, *_, last = (vars(r) for r in caplog.records if r.message == REQUEST_ANSWERED)
    assert "requests_left_out" not in first  # the line of the conflict has counted them
    assert last["requests_left_out"] == 5
