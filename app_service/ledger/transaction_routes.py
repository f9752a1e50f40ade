"""POST /transactions, /transactions/batch and GET /transactions/{id}."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.ledger.authentication import WRITERS, with_session
from app_service.ledger.bodies import BATCH_BODY_BYTES, json_response, read_json
from app_service.ledger.domain import CALL_MAX, REASON, Verdict
from app_service.ledger.fields import InvalidField, parse_object, parse_uuid, shape
from app_service.ledger.problems import problem_response
from app_service.ledger.services import services_of
from app_service.ledger.session_table import Session
from app_service.ledger.transaction import InvalidTransaction, Transaction

STATUS_OF = {
    Verdict.POSTED: 201,
    Verdict.REPLAYED: 200,
    Verdict.CONFLICT: 409,
    Verdict.INVALID: 400,
}
REFUSED_STATUS = 422
_BATCH_FIELDS = frozenset(("transactions",))


async def post_transaction(request: Request, _session: Session) -> Response:
    transaction = Transaction.parse(await read_json(request))
    [verdict] = await services_of(request).ledger.post([transaction])
    transaction_id = str(transaction.transaction_id)
    status = STATUS_OF.get(verdict, REFUSED_STATUS)
    if verdict in REASON:
        return problem_response(status, verdict, REASON[verdict], transaction_id=transaction_id)
    return json_response(
        {"transaction_id": transaction_id, "status": verdict},
        status=status,
        headers={"Location": f"/transactions/{transaction_id}"},
    )


async def post_batch(request: Request, _session: Session) -> Response:
    """A malformed transaction gets a verdict like any other and does not affect the others."""
    items = parse_batch(await read_json(request, bytes_max=BATCH_BODY_BYTES))
    parsed = [_parse(item) for item in items]
    transactions = [found for found in parsed if isinstance(found, Transaction)]
    posted = iter(await services_of(request).ledger.post(transactions) if transactions else ())
    verdicts = [
        _verdict(found, next(posted))
        if isinstance(found, Transaction)
        else {
            "transaction_id": _readable_id(item),
            "status": Verdict.INVALID,
            "detail": str(found),
        }
        for item, found in zip(items, parsed, strict=True)
    ]
    return json_response({"verdicts": verdicts})


async def get_transaction(request: Request, _session: Session) -> Response:
    transaction_id = parse_uuid("transaction_id", request.path_params["transaction_id"])
    posted = await services_of(request).ledger.transaction(transaction_id)
    return json_response(posted.to_json())


def parse_batch(document: object) -> list[object]:
    """The transactions of a bulk request, each not yet parsed. Raises InvalidField."""
    batch = parse_object("batch", document, required=_BATCH_FIELDS, allowed=_BATCH_FIELDS)
    items = batch["transactions"]
    if not isinstance(items, list) or not 1 <= len(items) <= CALL_MAX:
        raise InvalidField(f"transactions: must be a list of 1 to {CALL_MAX}, got {shape(items)}")
    return items


def _parse(item: object) -> Transaction | InvalidTransaction:
    try:
        return Transaction.parse(item)
    except InvalidTransaction as error:
        return error


def _verdict(transaction: Transaction, verdict: Verdict) -> dict[str, str]:
    found = {"transaction_id": str(transaction.transaction_id), "status": str(verdict)}
    return found | {"detail": REASON[verdict]} if verdict in REASON else found


def _readable_id(item: object) -> str | None:
    """The id of a malformed transaction, if the id is valid."""
    try:
        return str(parse_uuid("transaction_id", item["transaction_id"]))  # type: ignore[index]
    except (InvalidField, TypeError, KeyError):
        return None


ROUTES = [
    Route("/transactions", with_session(post_transaction, roles=WRITERS), methods=["POST"]),
    Route("/transactions/batch", with_session(post_batch, roles=WRITERS), methods=["POST"]),
    Route("/transactions/{transaction_id}", with_session(get_transaction), methods=["GET"]),
]
