"""POST /accounts, GET /accounts/{id} and its entries."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.ledger import answers
from app_service.ledger.authentication import (
    OPERATORS,
    WRITERS,
    actor_of,
    require_role,
    with_session,
)
from app_service.ledger.bodies import json_response, read_json
from app_service.ledger.deadlines import deadline_of
from app_service.ledger.domain import NewAccount
from app_service.ledger.fields import MAX_INTEGER, InvalidField, parse_record
from app_service.ledger.services import services_of
from app_service.ledger.session_table import Session

PAGE_DEFAULT = 50
PAGE_MAX = 500


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


async def get_account(request: Request, _session: Session) -> Response:
    account_id = parse_digits("account_id", request.path_params["account_id"], MAX_INTEGER)
    ledger = services_of(request).ledger
    return json_response(await ledger.account(account_id, deadline=deadline_of(request)))


async def get_entries(request: Request, _session: Session) -> Response:
    """Newest first. The cursor is the lowest version that the client has seen."""
    account_id = parse_digits("account_id", request.path_params["account_id"], MAX_INTEGER)
    query = request.query_params
    limit = parse_digits("limit", query.get("limit", str(PAGE_DEFAULT)), PAGE_MAX)
    before = parse_digits("cursor", query.get("cursor", str(MAX_INTEGER)), MAX_INTEGER)
    ledger = services_of(request).ledger
    found = await ledger.entries(
        account_id, before=before, limit=limit + 1, deadline=deadline_of(request)
    )
    page = found[:limit]
    return json_response(
        answers.Entries(
            entries=[answers.Entry.of(entry) for entry in page],
            next_cursor=str(page[-1].version) if len(found) > limit else None,
        )
    )


def parse_digits(name: str, text: str, maximum: int) -> int:
    """A whole number from 1 to `maximum` in a URL. Raises InvalidField."""
    if text.isascii() and text.isdigit() and len(text) <= 16 and 1 <= int(text) <= maximum:
        return int(text)
    raise InvalidField(
        f"{name}: must be a whole number from 1 to {maximum}, got {len(text)} characters"
    )


ROUTES = [
    Route("/accounts", with_session(open_account, roles=WRITERS), methods=["POST"]),
    Route("/accounts/{account_id}", with_session(get_account), methods=["GET"]),
    Route("/accounts/{account_id}/entries", with_session(get_entries), methods=["GET"]),
]
