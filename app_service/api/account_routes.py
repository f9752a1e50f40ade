"""POST /accounts."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.api.authentication import (
    OPERATORS,
    WRITERS,
    actor_of,
    require_role,
    with_session,
)
from app_service.api.bodies import json_response, read_json
from app_service.api.deadlines import deadline_of
from app_service.api.services import services_of
from app_service.clients.session_table import Session
from app_service.ledger.domain import NewAccount
from app_service.ledger.fields import parse_record


async def open_account(request: Request, session: Session) -> Response:
    new = parse_record(NewAccount, "account", await read_json(request))
    if new.may_go_negative:
        require_role(session, OPERATORS, to="open an account that may go negative")
    if new.owner not in (None, session.client_id):
        require_role(session, OPERATORS, to="open an account of another client")
    ledger = services_of(request).ledger
    account, is_new = await ledger.open_account(
        new, actor_of(session), deadline=deadline_of(request)
    )
    return json_response(
        account,
        status=201 if is_new else 200,
        headers={"Location": f"/accounts/{account.account_id}"},
    )


ROUTES = [Route("/accounts", with_session(open_account, roles=WRITERS), methods=["POST"])]
