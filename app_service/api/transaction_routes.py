"""POST /transactions, /transactions/batch and /transactions/{id}/reversal, capture and void."""

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.api import answers
from app_service.api.authentication import WRITERS, actor_of, with_session
from app_service.api.bodies import BATCH_BODY_BYTES, json_response, read_json
from app_service.api.deadlines import deadline_of
from app_service.api.problems import problem_response
from app_service.api.services import Services, services_of
from app_service.clients.session_table import Session
from app_service.ledger.batch import MalformedTransaction, parse_batch
from app_service.ledger.fields import InvalidField, parse_uuid, shape
from app_service.ledger.kinds import Kind
from app_service.ledger.origin import TRACE_HEADER, origin_of_trace
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import Transaction
from app_service.ledger.verdict import REASON, Verdict

STATUS_OF = {
    Verdict.POSTED: 201,
    Verdict.REPLAYED: 200,
    Verdict.CONFLICT: 409,
    Verdict.INVALID: 400,
    Verdict.FORBIDDEN: 403,
}
REFUSED_STATUS = 422
TRANSACTIONS_PATH = "/transactions"
_GIVEN_BY_PATH = ("kind", "target_id")


async def post_transaction(request: Request, session: Session) -> Response:
    """The hot route answers instead if the request comes whole (hot_route.py)."""
    transaction = Transaction.parse(await read_json(request))
    return await post(
        services_of(request),
        session,
        transaction,
        origin_id=_origin_of(request),
        deadline=deadline_of(request),
    )


async def post_to_target(request: Request, session: Session, *, kind: Kind) -> Response:
    """A reversal, capture or void of the transaction in the path."""
    target_id = parse_uuid("transaction_id", request.path_params["transaction_id"])
    document = await read_json(request)
    if not isinstance(document, Mapping):
        raise InvalidField(f"transaction: must be an object, got {shape(document)}")
    for name in _GIVEN_BY_PATH:
        if name in document:
            raise InvalidField(f"{name}: the path gives it; leave it out")
    whole = {**document, "kind": kind, "target_id": str(target_id)}
    transaction = Transaction.parse(whole)
    return await post(
        services_of(request),
        session,
        transaction,
        origin_id=_origin_of(request),
        deadline=deadline_of(request),
    )


async def post(
    services: Services,
    session: Session,
    transaction: Transaction,
    *,
    origin_id: str | None,
    deadline: float,
) -> Response:
    if transaction.linked:
        raise InvalidField("linked: only a transaction of a batch can be linked with the next one")
    submissions = [
        Submission(transaction=transaction, actor=actor_of(session), origin_id=origin_id)
    ]
    request_log = services.request_log
    started = request_log.now()
    try:
        verdicts = await services.ledger.post(submissions, deadline=deadline)
    except Exception as error:
        request_log.failed(submissions, error, started=started)
        raise
    [verdict] = verdicts
    transaction_id = transaction.transaction_id
    status = STATUS_OF.get(verdict, REFUSED_STATUS)
    request_log.answered(submissions, verdicts, status=status, started=started)
    if verdict in REASON:
        return problem_response(status, verdict, REASON[verdict], transaction_id=transaction_id)
    return json_response(
        answers.Posted(transaction_id=transaction_id, status=verdict),
        status=status,
        headers={"Location": f"/transactions/{transaction_id}"},
    )


async def post_batch(request: Request, session: Session) -> Response:
    """A malformed transaction gets a verdict like any other and affects only those of its chain."""
    parsed = parse_batch(await read_json(request, bytes_max=BATCH_BODY_BYTES))
    actor = actor_of(session)
    origin_id = _origin_of(request)
    submissions = [
        Submission(transaction=found, actor=actor, origin_id=origin_id)
        for found in parsed
        if isinstance(found, Transaction)
    ]
    posted = iter(await _post_some(request, submissions) if submissions else ())
    verdicts = [
        _verdict(found, next(posted)) if isinstance(found, Transaction) else _malformed(found)
        for found in parsed
    ]
    return json_response(answers.BatchVerdicts(verdicts=verdicts))


async def _post_some(request: Request, submissions: Sequence[Submission]) -> Sequence[Verdict]:
    services = services_of(request)
    request_log = services.request_log
    started = request_log.now()
    try:
        verdicts = await services.ledger.post(submissions, deadline=deadline_of(request))
    except Exception as error:
        request_log.failed(submissions, error, started=started)
        raise
    request_log.answered(submissions, verdicts, status=200, started=started)
    return verdicts


def _origin_of(request: Request) -> str | None:
    return origin_of_trace(request.headers.get(TRACE_HEADER, ""))


def _verdict(transaction: Transaction, verdict: Verdict) -> answers.BatchVerdict:
    return answers.BatchVerdict(
        transaction_id=transaction.transaction_id,
        status=verdict,
        detail=REASON.get(verdict, UNSET),
    )


def _malformed(found: MalformedTransaction) -> answers.BatchVerdict:
    return answers.BatchVerdict(
        transaction_id=found.transaction_id, status=Verdict.INVALID, detail=found.detail
    )


ROUTES = [
    Route(TRANSACTIONS_PATH, with_session(post_transaction, roles=WRITERS), methods=["POST"]),
    Route("/transactions/batch", with_session(post_batch, roles=WRITERS), methods=["POST"]),
    *(
        Route(
            f"/transactions/{{transaction_id}}/{kind}",
            with_session(partial(post_to_target, kind=kind), roles=WRITERS),
            methods=["POST"],
        )
        for kind in (Kind.REVERSAL, Kind.CAPTURE, Kind.VOID)
    ),
]
