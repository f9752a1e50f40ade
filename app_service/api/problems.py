"""Errors as RFC 9457 problem documents. Clients may rely on `code`; the texts may change."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from uuid import UUID, uuid4

import msgspec
from msgspec import UNSET, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app_service.api import answers
from app_service.api.allowed_methods import allowed_methods
from app_service.clients.failure_limit import TooManyFailures
from app_service.ledger.domain import (
    AccountClosed,
    AccountConflict,
    AccountNotEmpty,
    AccountNotFound,
    LedgerError,
    TransactionNotFound,
    Unavailable,
)
from app_service.ledger.fields import InvalidField

MEDIA_TYPE = "application/problem+json"
_STATUS_OF: dict[type[LedgerError], int] = {
    AccountNotFound: 404,
    TransactionNotFound: 404,
    AccountConflict: 409,
    AccountClosed: 409,
    AccountNotEmpty: 409,
}


class Problem(Exception):
    """A request that is refused for its form, size or credentials, without asking the ledger."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = headers


def problem_response(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    transaction_id: UUID | UnsetType = UNSET,
    instance: str | UnsetType = UNSET,
) -> Response:
    document = answers.Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        transaction_id=transaction_id,
        instance=instance,
    )
    return Response(
        msgspec.json.encode(document), status_code=status, headers=headers, media_type=MEDIA_TYPE
    )


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error.status, error.code, str(error), headers=error.headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    return problem_response(400, "invalid", str(error))


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LedgerError)
    return problem_response(_STATUS_OF[type(error)], error.code, str(error))


async def _unavailable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)
    headers = {"Retry-After": str(error.retry_after_seconds)}
    return problem_response(503, error.code, str(error), headers=headers)


async def _too_many(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyFailures)
    headers = {"Retry-After": str(error.retry_after_seconds)}
    return problem_response(429, error.code, str(error), headers=headers)


async def _http(request: Request, error: Exception) -> Response:
    """Refused by routing: no such path, no such method."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed_methods(request)
    return problem_response(error.status_code, code, error.detail, headers=headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    """An error of the service. The client gets an id. Starlette raises the error again, and the
    server logs it with the id."""
    instance = uuid4().urn
    error.add_note(f"answered to {request.method} {request.url.path} as {instance}")
    return problem_response(
        500, "internal_error", "the request failed by an error of the service", instance=instance
    )


async def problem_of(request: Request, error: Exception) -> Response:
    """As Starlette chooses it: the handler of the nearest class."""
    handler = next(EXCEPTION_HANDLERS[t] for t in type(error).__mro__ if t in EXCEPTION_HANDLERS)
    return await handler(request, error)


EXCEPTION_HANDLERS: dict[type, Callable[[Request, Exception], Awaitable[Response]]] = {
    Problem: _problem,
    InvalidField: _invalid,
    LedgerError: _refused,
    Unavailable: _unavailable,
    TooManyFailures: _too_many,
    HTTPException: _http,
    Exception: _unexpected,
}
