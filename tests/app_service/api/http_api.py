"""The application in memory, over a fake ledger and a real session store on a fake DynamoDB."""

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app_service.__main__ import ACCOUNT_TURNS, ALL_ACCOUNT_TURNS
from app_service.api.account_turns import AccountTurns
from app_service.api.health import Health
from app_service.api.hot_route import HotRoute
from app_service.api.request_log import RequestLog
from app_service.api.services import Services
from app_service.application import make_app
from app_service.clients.client_table import ClientTable
from app_service.clients.clients import Clients, first_credential
from app_service.clients.credentials import Client, Credential, secret_sha256
from app_service.clients.failure_limit import failed_logins, unknown_tokens
from app_service.clients.logins import Logins
from app_service.clients.refused_logins import RefusedLogins
from app_service.clients.session_table import SessionTable
from app_service.clients.sessions import Sessions
from app_service.database.database import Database, Pool
from app_service.ledger.actor import Actor, Role
from app_service.ledger.currencies import EXPONENTS
from app_service.ledger.domain import (
    Account,
    AccountConflict,
    AccountState,
    Ledger,
    NewAccount,
)
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import Verdict
from app_service.totals import Totals
from tests.app_service.fake_aws import CLIENTS_TABLE, TABLE, FakeSessionsTable

CLIENT = ("shop", "s3cret-\u00e9")


class FakeLedger:
    """Answers `posted`, or the verdict in `verdicts` for an amount, and records the calls."""

    def __init__(self) -> None:
        self.verdicts: dict[int, Verdict] = {}
        self.failure: Exception | None = None
        self.calls: list[list[Transaction]] = []
        self.actors: list[Actor] = []
        self.origins: list[str | None] = []
        self.deadlines: list[float] = []
        self.accounts: dict[int, Account] = {}

    async def post(self, submissions: Sequence[Submission], *, deadline: float) -> list[Verdict]:
        self.deadlines.append(deadline)
        transactions = [each.transaction for each in submissions]
        self.calls.append(transactions)
        self.actors += [each.actor for each in submissions]
        self.origins += [each.origin_id for each in submissions]
        if self.failure is not None:
            raise self.failure
        return [self.verdicts.get(t.amount_minor or 0, Verdict.POSTED) for t in transactions]

    async def open_account(
        self, account: NewAccount, actor: Actor, *, deadline: float
    ) -> tuple[Account, bool]:
        self.deadlines.append(deadline)
        opened = Account(
            account_id=account.account_id,
            currency=account.currency,
            may_go_negative=account.may_go_negative,
            currency_exponent=EXPONENTS[account.currency],
            owner=account.owner or actor.client_id,
            state=AccountState.OPEN,
            balance_minor=0,
            held_minor=0,
            available_minor=0,
            version=0,
        )
        found = self.accounts.setdefault(account.account_id, opened)
        if found != opened:
            raise AccountConflict(account.account_id)
        return found, found is opened


@dataclass
class Api:
    """An application and a client that carries a session."""

    http: httpx.AsyncClient
    table: FakeSessionsTable
    clock: list[float]
    neighbours: dict[str, bool]
    totals: Totals
    ledger: FakeLedger = field(default_factory=FakeLedger)

    async def sign_in(
        self, client_id: str, role: Role, *, credential_id: str = "c-1", user_id: str = "ada"
    ) -> dict[str, str]:
        """The header of a session of a client that has this role."""
        secret = f"secret of {credential_id}"
        self.table.credentials.append(credential(client_id, secret, role, credential_id).to_item())
        answer = await self.http.post(
            "/sessions", headers=basic(client_id, secret), json={"user_id": user_id}
        )
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    @property
    def anonymous(self) -> dict[str, str]:
        return {"Authorization": ""}


def basic(client_id: str = CLIENT[0], secret: str = CLIENT[1]) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def credential(client_id: str, secret: str, role: Role, credential_id: str = "c-1") -> Credential:
    client = Client(client_id=client_id, credential_id=credential_id, role=role)
    return Credential(
        client=client, secret_sha256=secret_sha256(secret.encode()), created_at=1_800_000_000
    )


def _never(seconds: float, call: Callable[[], None]) -> None:
    """Without a timer that would write into the log of a later test."""


@asynccontextmanager
async def running_api(
    ledger: Ledger | None = None, *, reading: Pool | None = None, hot_route: bool = False
) -> AsyncIterator[Api]:
    """`reading`: the pool of a database, for routes that read. `hot_route`: it answers what a
    server gives to it."""
    fake = FakeLedger()
    table = FakeSessionsTable()
    clock = [1_800_000_000.0]
    neighbours = {"database": True, "sessions": True, "audit_queue": True}
    with ThreadPoolExecutor(2) as executor:
        totals = Totals()
        clients = Clients(
            table=ClientTable(dynamodb=table.client, table_name=CLIENTS_TABLE, executor=executor),
            first=first_credential(client_id=CLIENT[0], secret=CLIENT[1]),
            now=lambda: clock[0],
        )
        services = Services(
            ledger=ledger if ledger is not None else fake,
            reading=Database(reading if reading is not None else asyncpg.create_pool()),
            account_turns=AccountTurns(of_one=ACCOUNT_TURNS, of_all=ALL_ACCOUNT_TURNS),
            sessions=Sessions(
                table=SessionTable(dynamodb=table.client, table_name=TABLE, executor=executor),
                unknown=unknown_tokens(now=lambda: clock[0]),
                ttl_seconds=600,
                now=lambda: clock[0],
            ),
            clients=clients,
            logins=Logins(
                clients=clients,
                failures=failed_logins(now=lambda: clock[0]),
                refused=RefusedLogins(on_refused=totals.login_refused, later=_never),
            ),
            health=Health({name: _probe(neighbours, name) for name in neighbours}),
            request_log=RequestLog(now=lambda: clock[0]),
            version="1.2.3",
            environment_suffix="test",
        )
        app: ASGIApp = make_app(services)
        if hot_route:
            app = WithHotRoute(app, HotRoute(services))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://ledger") as http:
            answer = await http.post("/sessions", headers=basic(), json={"user_id": "ada"})
            http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
            yield Api(
                http=http,
                table=table,
                clock=clock,
                neighbours=neighbours,
                totals=totals,
                ledger=fake,
            )


class WithHotRoute:
    """Gives requests to the hot route as the server does; here all come whole."""

    def __init__(self, app: ASGIApp, route: HotRoute) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._route
        if (scope["method"].encode(), scope["raw_path"]) == (route.method, route.url):
            body = await Request(scope, receive).body()
            if len(body) <= route.body_bytes_max:
                answer = await route.answer(scope, body)
                await answer(scope, receive, send)
                return
            receive = _again(body)
        await self._app(scope, receive, send)


def _again(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _probe(neighbours: dict[str, bool], name: str) -> Callable[[], Any]:
    async def probe() -> None:
        if not neighbours[name]:
            raise ConnectionError(name)

    return probe


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """It is an RFC 9457 document with this status and code."""
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    ), answer.text
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, "about:blank")
    assert problem["title"]
    assert problem["detail"]
    return problem
