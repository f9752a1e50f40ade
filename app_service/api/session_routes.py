"""POST /sessions, GET and DELETE /sessions/current, GET /users/{user_id}/sessions."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.api import answers
from app_service.api.authentication import with_client, with_session
from app_service.api.bodies import json_response, read_json
from app_service.api.problems import Problem
from app_service.api.services import services_of
from app_service.clients.credentials import Client
from app_service.clients.session_table import Session
from app_service.ledger.domain import NewSession, rfc3339
from app_service.ledger.fields import parse_record

_PRIVATE = {"Cache-Control": "no-store"}


async def open_session(request: Request, client: Client) -> Response:
    new = parse_record(NewSession, "session", await read_json(request))
    token, session = await services_of(request).sessions.open(user_id=new.user_id, client=client)
    return json_response(
        answers.Token(token=token, expires_at=_moment(session.expires_at)),
        status=201,
        headers=_PRIVATE,
    )


async def get_session(_request: Request, session: Session) -> Response:
    return json_response(_described(session), headers=_PRIVATE)


async def close_session(request: Request, session: Session) -> Response:
    await services_of(request).sessions.close(session)
    return Response(status_code=204)


async def get_sessions_of_user(request: Request, session: Session) -> Response:
    if request.path_params["user_id"] != session.user_id:
        raise Problem(403, "forbidden", "a session lists only the sessions of its own user")
    found = await services_of(request).sessions.of_user(
        session.user_id, client_id=session.client_id
    )
    return json_response(
        answers.Sessions(sessions=[_described(each) for each in found]), headers=_PRIVATE
    )


def _described(session: Session) -> answers.Session:
    return answers.Session(
        user_id=session.user_id,
        client_id=session.client_id,
        role=session.role,
        created_at=_moment(session.created_at),
        expires_at=_moment(session.expires_at),
    )


def _moment(seconds: int) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


ROUTES = [
    Route("/sessions", with_client(open_session), methods=["POST"]),
    Route("/sessions/current", with_session(get_session), methods=["GET"]),
    Route("/sessions/current", with_session(close_session), methods=["DELETE"]),
    Route("/users/{user_id}/sessions", with_session(get_sessions_of_user), methods=["GET"]),
]
