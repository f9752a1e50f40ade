"""Authentication: the API client (Basic) opens sessions, a session (Bearer) does the rest."""

import base64
import binascii
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from app_service.ledger.actor import Actor, Path, Role
from app_service.ledger.problems import Problem
from app_service.ledger.services import services_of
from app_service.ledger.session_table import Session

Endpoint = Callable[[Request], Awaitable[Response]]
SessionEndpoint = Callable[[Request, Session], Awaitable[Response]]
_CLIENT_CHALLENGE = {"WWW-Authenticate": 'Basic realm="ledger", charset="UTF-8"'}


def with_session(endpoint: SessionEndpoint) -> Endpoint:
    """Serve only requests that carry the token of a live session; others get 401."""

    async def guarded(request: Request) -> Response:
        scheme, value = _authorization(request)
        if scheme != "bearer":
            raise _unauthorized("session_required", "Bearer", "send the token of a session")
        session = await services_of(request).sessions.find(value)
        if session is None:
            raise _unauthorized(
                "session_invalid", 'Bearer error="invalid_token"', "unknown, closed or expired"
            )
        return await endpoint(request, session)

    return guarded


def actor_of(session: Session) -> Actor:
    return Actor(
        client_id=session.client_id, user_id=session.user_id, path=Path.API, role=Role.OPERATOR
    )


def with_client(endpoint: Endpoint) -> Endpoint:
    """Serve only requests that carry the API client's id and secret; others get 401."""

    async def guarded(request: Request) -> Response:
        if not _is_client(request):
            raise _client_required("send the API client's id and secret")
        return await endpoint(request)

    return guarded


def with_session_or_client(endpoint: Endpoint) -> Endpoint:
    """For what says which version runs here and how to use it."""

    async def guarded(request: Request) -> Response:
        scheme, value = _authorization(request)
        if scheme == "bearer" and await services_of(request).sessions.find(value) is not None:
            return await endpoint(request)
        if _is_client(request):
            return await endpoint(request)
        raise _client_required("send the API client's id and secret, or the token of a session")

    return guarded


def _is_client(request: Request) -> bool:
    scheme, value = _authorization(request)
    if scheme != "basic":
        return False
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return services_of(request).api_client.matches(client_id, secret)


def _authorization(request: Request) -> tuple[str, str]:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), value.strip()


def _client_required(detail: str) -> Problem:
    return Problem(401, "credentials_invalid", detail, headers=_CLIENT_CHALLENGE)


def _unauthorized(code: str, challenge: str, detail: str) -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})
