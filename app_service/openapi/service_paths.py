"""The operations of sessions, and those that say what runs here and how to use it."""

from app_service.api import answers
from app_service.ledger.domain import NewSession
from app_service.openapi.json_schemas import Json
from app_service.openapi.operations import (
    IN_BODY,
    IN_SESSION,
    TEXT,
    operation,
    parameter,
)
from app_service.openapi.viewer_files import FILES, PAGE

_EITHER = ("session", "client")
_PAGE = ("The document", None)

PATHS: Json = {
    "/sessions": {
        "post": operation(
            "Open a session for a user",
            {201: ("The token, which is shown only once", answers.Token)},
            problems=(*IN_BODY, *IN_SESSION),
            body=NewSession,
            security=("client",),
        )
    },
    "/sessions/current": {
        "get": operation(
            "The session of this token",
            {200: ("The session", answers.Session)},
            problems=IN_SESSION,
        ),
        "delete": operation(
            "Close the session of this token", {204: ("Closed", None)}, problems=IN_SESSION
        ),
    },
    "/users/{user_id}/sessions": {
        "get": operation(
            "The live sessions of the session's own user, newest first",
            {200: ("The sessions", answers.Sessions)},
            problems=(*IN_SESSION, 403),
            parameters=(parameter("path", "user_id", TEXT),),
        )
    },
    "/health/live": {
        "get": operation("Whether this task runs", {200: ("It runs", answers.Live)}, security=())
    },
    "/health/ready": {
        "get": operation(
            "Whether everything that this task needs answers",
            {
                200: ("Everything answers", answers.Ready),
                503: ("Something is missing", answers.Ready),
            },
            security=(),
        )
    },
    "/version": {
        "get": operation(
            "The deployed version",
            {200: ("The version", answers.Version)},
            problems=(401, 503),
            security=_EITHER,
        )
    },
    "/openapi.json": {
        "get": operation("This document", {200: _PAGE}, problems=(401, 503), security=_EITHER)
    },
    "/docs": {"get": operation("The page that shows this document", {200: _PAGE}, security=())},
    "/docs/{file}": {
        "get": operation(
            "A script or style sheet of that page",
            {200: ("The file", None)},
            problems=(404,),
            parameters=(parameter("path", "file", {"enum": sorted(FILES.keys() - {PAGE})}),),
            security=(),
        )
    },
}
