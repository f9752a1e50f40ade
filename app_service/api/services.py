"""Objects that all routes share."""

from dataclasses import dataclass

from starlette.requests import Request

from app_service.api.account_turns import AccountTurns
from app_service.api.health import Health
from app_service.api.request_log import RequestLog
from app_service.clients.clients import Clients
from app_service.clients.logins import Logins
from app_service.clients.sessions import Sessions
from app_service.database.database import Database
from app_service.ledger.domain import Ledger


@dataclass(frozen=True, kw_only=True)
class Services:
    ledger: Ledger
    reading: Database  # apart from the ledger's: many reads do not delay postings
    account_turns: AccountTurns
    sessions: Sessions
    clients: Clients
    logins: Logins
    health: Health
    request_log: RequestLog
    version: str
    environment_suffix: str


def services_of(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services
