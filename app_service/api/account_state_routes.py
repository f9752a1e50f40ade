"""POST /accounts/{id}/freeze, unfreeze and close."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.api.authentication import actor_of, with_session
from app_service.api.bodies import json_response
from app_service.api.database_reads import lock_and_read
from app_service.api.problems import Problem
from app_service.api.url_query import account_id_of, parse_query
from app_service.clients.session_table import Session
from app_service.database.database import Connection
from app_service.ledger.actor import Actor, Role
from app_service.ledger.domain import Account, AccountState
from app_service.posting import accounts

CHANGES = {
    "freeze": AccountState.FROZEN,
    "unfreeze": AccountState.OPEN,
    "close": AccountState.CLOSED,
}


async def change_state(request: Request, session: Session, *, state: AccountState) -> Response:
    account_id = account_id_of(request)
    parse_query(request)
    actor = actor_of(session)

    async def change(connection: Connection) -> Account:
        found = await accounts.visible_account(connection, account_id, actor)
        _check_rights(found, state, actor)
        return await accounts.change_state(connection, found, state, actor)

    return json_response(await lock_and_read(request, account_id, change))


def _check_rights(account: Account, state: AccountState, actor: Actor) -> None:
    """Raises Problem 403."""
    is_owner = actor.role == Role.POSTER and actor.client_id == account.owner
    if actor.role == Role.OPERATOR or (state == AccountState.CLOSED and is_owner):
        return
    who = "its owner or an operator" if state == AccountState.CLOSED else "an operator"
    raise Problem(403, "forbidden", f"an account becomes {state} only by {who}")


ROUTES = [
    Route(
        f"/accounts/{{account_id}}/{name}",
        with_session(partial(change_state, state=state)),
        methods=["POST"],
    )
    for name, state in CHANGES.items()
]
