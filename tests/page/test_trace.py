"""The page follows a transaction when a person asks, and shows what `make trace` prints."""

import asyncio
import html
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import EndpointConnectionError

from infra.component_names import VERIFIER_TIMEOUT_SECONDS
from lambda_src.audit_verifier.trace_report import Trace
from operations.function_call import CallFailed
from operations.trace.evidence import Clients, Evidence, moment_of
from operations.trace.log_lines import Line, Window
from operations.trace.subject import Subject
from page import trace_view
from page.application import application
from page.readers import trace as reader
from page.readers.stacks import Stack
from page.settings import PageSettings
from tests.operations.trace import traces
from tests.operations.trace.traces import ID, TRACE

CHECKOUT = Path(__file__).parents[2]
SUFFIX = "main-v4grq1"
ENVIRONMENT = Stack(name=f"transaction-{SUFFIX}", state="CREATE_COMPLETE", suffix=SUFFIX, branch="")
Ask = Callable[..., Awaitable[httpx.Response]]


def evidence(subject: Subject, answer: dict[str, Any]) -> Evidence:
    trace = Trace.of_json(answer)
    now = moment_of(trace.now)
    fields = {"message": "request answered", "transaction_ids": [ID], "trace_id": TRACE}
    more = {"status": 201, "duration_ms": 3, "note": "<b>bold</b>"}
    line = Line(moment=now, stream="a/b/task-1", message="request answered", fields=fields | more)
    return Evidence(
        suffix=SUFFIX,
        subject=subject,
        now=now,
        trace=trace,
        window=Window(start=now, end=now),
        service=[line],
        processor=[],
        not_read=["there is no log group /ecs/x"],
    )


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Subject]]:
    """What was asked."""
    asked: list[tuple[str, Subject]] = []

    def gather(_: object, *, suffix: str, subject: Subject) -> Evidence:
        asked.append((suffix, subject))
        return evidence(subject, traces.complete())

    monkeypatch.setattr(reader, "gather", gather)
    monkeypatch.setattr(reader, "environment_stack", lambda *_: ENVIRONMENT)
    monkeypatch.setattr(trace_view, "stacks", lambda _: [ENVIRONMENT])
    return asked


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    app = application(settings=PageSettings(checkout=CHECKOUT, endpoint_url="http://127.0.0.1:9"))

    async def get(path: str, **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:4580", headers=headers
        ) as client:
            return await client.get(path)

    return get


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_without_an_id_it_shows_the_form_with_the_environments(
    ask: Ask, gathered: list[Any]
) -> None:
    answer = await ask("/trace")
    assert answer.status_code == 200
    assert f'value="{SUFFIX}"' in answer.text
    assert gathered == []


async def test_it_shows_each_step_with_facts_and_log_lines(ask: Ask, gathered: list[Any]) -> None:
    answer = await ask(f"/trace?suffix={SUFFIX}&transaction=%20{ID}%20")
    shown = text_of(answer.text)
    [(suffix, subject)] = gathered
    assert (suffix, str(subject.transaction_id)) == (SUFFIX, ID)
    assert "posted, and in the audit trail as it was posted" in shown
    assert f"trace {TRACE}" in shown
    assert "sealed batch done 2026-11-26 16:29:38.000000 UTC number 7" in shown
    assert "task-1: request answered" in shown
    assert "Not read: there is no log group /ecs/x" in shown
    assert "<b>bold" not in answer.text


async def test_a_second_click_waits_for_the_answer_of_the_first(
    ask: Ask, gathered: list[Any]
) -> None:
    path = f"/trace?suffix={SUFFIX}&transaction={ID}"
    first, second = await asyncio.gather(ask(path), ask(path))
    assert first.text == second.text
    assert len(gathered) == 1


@pytest.mark.usefixtures("gathered")
async def test_a_function_that_still_runs_is_not_called_again(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client waits longer than the function may run, and repeats nothing by itself."""
    clients: list[Clients] = []

    def gather(given: Clients, *, suffix: str, subject: Subject) -> Evidence:
        clients.append(given)
        return evidence(subject, traces.complete())

    monkeypatch.setattr(reader, "gather", gather)
    await ask(f"/trace?suffix={SUFFIX}&transaction={ID}")
    [given] = clients
    config: Any = given.lambda_.meta.config
    of_logs: Any = given.logs.meta.config
    assert config.read_timeout > VERIFIER_TIMEOUT_SECONDS
    assert config.retries["total_max_attempts"] == 1
    assert of_logs.read_timeout < VERIFIER_TIMEOUT_SECONDS


async def test_another_site_cannot_ask(ask: Ask, gathered: list[Any]) -> None:
    path = f"/trace?suffix={SUFFIX}&transaction={ID}"
    assert (await ask(path, **{"sec-fetch-site": "cross-site"})).status_code in (200, 403)
    assert gathered == []
    await ask(path, **{"sec-fetch-site": "same-origin"})
    assert len(gathered) == 1


@pytest.mark.usefixtures("gathered")
async def test_an_id_that_is_none_is_said(ask: Ask) -> None:
    shown = text_of((await ask(f"/trace?suffix={SUFFIX}&transaction=x")).text)
    assert "Could not be followed. TRANSACTION: must be a UUID" in shown


@pytest.mark.usefixtures("gathered")
async def test_an_environment_of_an_earlier_version_is_said(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise CallFailed("unknown field 'trace'")

    monkeypatch.setattr(reader, "gather", fail)
    shown = text_of((await ask(f"/trace?suffix={SUFFIX}&transaction={ID}")).text)
    assert "Could not be followed. unknown field 'trace'" in shown


async def test_an_account_that_does_not_answer_is_said(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    monkeypatch.setattr(trace_view, "stacks", fail)
    monkeypatch.setattr(reader, "environment_stack", fail)
    shown = text_of((await ask(f"/trace?suffix={SUFFIX}&transaction={ID}")).text)
    assert "Could not connect" in shown
