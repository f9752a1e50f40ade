"""Authentication: a client (Basic) opens sessions, a session (Bearer) does the rest."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app_service.api.client_address import address_of
from app_service.api.problems import Problem
from app_service.api.services import Services, services_of
from app_service.clients.credentials import Client
from app_service.clients.session_table import Session
from app_service.ledger.actor import Actor, Path, Role

Endpoint = Callable[[Request], Awaitable[Response]]
SessionEndpoint = Callable[[Request, Session], Awaitable[Response]]
ClientEndpoint = Callable[[Request, Client], Awaitable[Response]]

ALL: Final = frozenset(Role)
WRITERS: Final = frozenset((Role.POSTER, Role.OPERATOR))
OPERATORS: Final = frozenset((Role.OPERATOR,))
_CLIENT_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="ledger", charset="UTF-8"'}


def with_session(endpoint: SessionEndpoint, *, roles: frozenset[Role] = ALL) -> Endpoint:
    """Serve only requests that carry the token of a live session; others get 401.

    A session of a client with another role than these gets 403.
    """

    async def guarded(request: Request) -> Response:
        authorization = request.headers.get("authorization", "")
        address = partial(address_of, request)
        session = await session_of(services_of(request), authorization, address, roles=roles)
        return await endpoint(request, session)

    return guarded


async def session_of(
    services: Services,
    authorization: str,
    address: Callable[[], str],
    *,
    roles: frozenset[Role],
) -> Session:
    """The session of a request with this header Authorization; `address` returns its client's.

    Raises Problem 401, or 403 if the client's role is none of these.
    """
    scheme, token = _parts(authorization)
    if scheme != "bearer":
        raise _unauthorized("session_required", "Bearer", "send the token of a session")
    session = await _session(services, token, address)
    if session is None:
        raise _unauthorized(
            "session_invalid", 'Bearer error="invalid_token"', "unknown, closed or expired"
        )
    require_role(session, roles, to="make this request")
    return session


def require_role(session: Session, roles: frozenset[Role], *, to: str) -> None:
    """Raises Problem 403, which names the roles that may do this."""
    if session.role not in roles:
        needed = " or ".join(role for role in Role if role in roles)
        raise Problem(
            403,
            "forbidden",
            f"client {session.client_id} has role {session.role}: to {to}, role {needed} is needed",
        )


def actor_of(session: Session) -> Actor:
    return Actor(
        client_id=session.client_id, user_id=session.user_id, path=Path.API, role=session.role
    )


def with_client(endpoint: ClientEndpoint) -> Endpoint:
    """Serve only requests that carry the id and secret of a client; others get 401."""

    async def guarded(request: Request) -> Response:
        client = await _client(request)
        if client is None:
            raise _client_required("send the id and secret of a client")
        return await endpoint(request, client)

    return guarded


def with_session_or_client(endpoint: Endpoint) -> Endpoint:
    """For what says which version runs here and how to use it."""

    async def guarded(request: Request) -> Response:
        scheme, value = _authorization(request)
        if scheme == "bearer":
            address = partial(address_of, request)
            if await _session(services_of(request), value, address) is not None:
                return await endpoint(request)
        if await _client(request) is not None:
            return await endpoint(request)
        raise _client_required("send the id and secret of a client, or the token of a session")

    return guarded


async def _session(services: Services, token: str, address: Callable[[], str]) -> Session | None:
    """The live session of a token. A session ends when the credential that opened it is removed."""
    session = services.sessions.recent(token)
    if session is None:
        session = await services.sessions.find(token, address=address())
    if session is None:
        return None
    is_live = await services.clients.has(session.client_id, session.credential_id)
    return session if is_live else None


async def _client(request: Request) -> Client | None:
    scheme, value = _authorization(request)
    if scheme != "basic":
        return None
    return await services_of(request).logins.client(value, address=address_of(request))


def _authorization(request: Request) -> tuple[str, str]:
    return _parts(request.headers.get("authorization", ""))


def _parts(authorization: str) -> tuple[str, str]:
    scheme, _, value = authorization.partition(" ")
    return scheme.lower(), value.strip()


def _client_required(detail: str) -> Problem:
    return Problem(401, "credentials_invalid", detail, headers=_CLIENT_CHALLENGE)


def _unauthorized(code: str, challenge: str, detail: str) -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})
