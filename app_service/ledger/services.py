"""Objects that all routes share."""

from dataclasses import dataclass

from starlette.requests import Request

from app_service.ledger.clients import Clients
from app_service.ledger.domain import Ledger
from app_service.ledger.health import Health
from app_service.ledger.logins import Logins
from app_service.ledger.sessions import Sessions


@dataclass(frozen=True, kw_only=True)
class Services:
    ledger: Ledger
    sessions: Sessions
    clients: Clients
    logins: Logins
    health: Health
    version: str
    environment_suffix: str


def services_of(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services
