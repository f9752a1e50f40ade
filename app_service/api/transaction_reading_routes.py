"""GET /transactions and /transactions/{id}."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.api import answers
from app_service.api.authentication import actor_of, with_session
from app_service.api.bodies import json_response
from app_service.api.database_reads import read
from app_service.api.url_query import Page, check_order, moment_in, parse_digits, parse_query
from app_service.clients.session_table import Session
from app_service.database.database import Connection
from app_service.ledger.actor import Actor
from app_service.ledger.fields import MAX_INTEGER, InvalidField, parse_uuid, shape
from app_service.ledger.free_text import parse_reference
from app_service.ledger.visibility import limited_to
from app_service.posting.accounts import visible_account
from app_service.reading import account_transactions, transaction_reads
from app_service.reading.account_transactions import InAccount
from app_service.reading.recorded_transaction import RecordedTransaction
from app_service.reading.transaction_filter import Filter, ListedState

_PARAMETERS = ("account_id", "reference", "state", "from", "to", "limit", "cursor")


async def get_transaction(request: Request, session: Session) -> Response:
    transaction_id = parse_uuid("transaction_id", request.path_params["transaction_id"])
    parse_query(request)
    limit = limited_to(actor_of(session))
    found = await read(
        request, lambda c: transaction_reads.transaction(c, transaction_id, limited_to=limit)
    )
    return json_response(_recorded(found))


async def list_transactions(request: Request, session: Session) -> Response:
    query = parse_query(request, *_PARAMETERS)
    if ("account_id" in query) == ("reference" in query):
        raise InvalidField(
            "account_id or reference: exactly one of them must be given; there is no index over "
            "all transactions, because it would make every posting slower"
        )
    page = Page.of(request, query)
    wanted = Filter(
        state=_state(query.get("state", ListedState.POSTED)),
        since=moment_in(query, "from"),
        until=moment_in(query, "to"),
    )
    check_order(wanted.since, wanted.until)
    actor = actor_of(session)
    if "account_id" in query:
        account_id = parse_digits("account_id", query["account_id"], MAX_INTEGER)
        return await _of_account(request, account_id, wanted, page, actor)
    reference = parse_reference("reference", query["reference"])
    return await _by_reference(request, reference, wanted, page, actor)


async def _of_account(
    request: Request, account_id: int, wanted: Filter, page: Page, actor: Actor
) -> Response:
    async def find(
        connection: Connection,
    ) -> tuple[list[RecordedTransaction], InAccount | None]:
        account = await visible_account(connection, account_id, actor)
        first = await account_transactions.first_in_account(connection, account, wanted)
        return await account_transactions.transactions_of_account(
            connection, account, wanted, start=page.position(first), limit=page.limit
        )

    found, end = await read(request, find)
    return _answer(found, page.next_cursor(end))


async def _by_reference(
    request: Request, reference: str, wanted: Filter, page: Page, actor: Actor
) -> Response:
    start = page.position(transaction_reads.first_in_reference(wanted))
    found, end = await read(
        request,
        lambda c: transaction_reads.transactions_by_reference(
            c, reference, wanted, limited_to=limited_to(actor), start=start, limit=page.limit
        ),
    )
    return _answer(found, page.next_cursor(end))


def _answer(found: list[RecordedTransaction], next_cursor: str | None) -> Response:
    return json_response(
        answers.Transactions(transactions=[*map(_recorded, found)], next_cursor=next_cursor)
    )


def _recorded(found: RecordedTransaction) -> answers.RecordedTransaction:
    return answers.RecordedTransaction(**found.to_json())


def _state(text: str) -> ListedState:
    try:
        return ListedState(text)
    except ValueError:
        raise InvalidField(
            f"state: must be one of {', '.join(ListedState)}, got {shape(text)}"
        ) from None


ROUTES = [
    Route("/transactions", with_session(list_transactions), methods=["GET"]),
    Route("/transactions/{transaction_id}", with_session(get_transaction), methods=["GET"]),
]
