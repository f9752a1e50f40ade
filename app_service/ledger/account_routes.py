"""POST /accounts."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.ledger.actor import Actor, Role
from app_service.ledger.authentication import actor_of, with_session
from app_service.ledger.bodies import json_response, read_json
from app_service.ledger.domain import NewAccount
from app_service.ledger.fields import parse_record
from app_service.ledger.problems import Problem
from app_service.ledger.services import services_of
from app_service.ledger.session_table import Session


async def open_account(request: Request, session: Session) -> Response:
    new = parse_record(NewAccount, "account", await read_json(request))
    actor = actor_of(session)
    _check_rights(new, actor)
    account, is_new = await services_of(request).ledger.open_account(new, actor)
    return json_response(
        asdict(account),
        status=201 if is_new else 200,
        headers={"Location": f"/accounts/{account.account_id}"},
    )


def _check_rights(new: NewAccount, actor: Actor) -> None:
    """Raises Problem 403."""
    if actor.role == Role.OPERATOR:
        return
    if new.may_go_negative:
        raise Problem(403, "forbidden", "may_go_negative: only an operator opens such an account")
    if new.owner not in (None, actor.client_id):
        raise Problem(403, "forbidden", "owner: only an operator opens accounts of other clients")


ROUTES = [Route("/accounts", with_session(open_account), methods=["POST"])]
