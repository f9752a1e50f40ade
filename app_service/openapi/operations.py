"""How the operations of the OpenAPI document are described, and the errors that they share."""

from app_service.api import answers
from app_service.api.problems import MEDIA_TYPE
from app_service.api.url_query import PAGE_DEFAULT, PAGE_MAX
from app_service.ledger.verdict import REFUSALS
from app_service.openapi.examples import EXAMPLES
from app_service.openapi.json_schemas import Json, ref

_OUTCOMES = ", ".join(f"`{verdict}`" for verdict in sorted(REFUSALS))
_PROBLEMS = {
    400: "Not JSON (`invalid_json`), a field or parameter breaks a rule (`invalid`), or a period "
    "has too many entries (`statement_too_long`)",
    401: "No session, or one that is closed or expired (`session_required`, `session_invalid`)",
    403: "Belongs to another user or client, or the client's role does not allow it (`forbidden`)",
    404: "Does not exist (`account_not_found`, `transaction_not_found`)",
    408: "The body did not arrive in time (`request_timeout`); the connection is closed",
    409: "The id exists with other contents (`conflict`, `account_conflict`), or the account "
    "does not allow the change (`account_closed`, `account_not_empty`)",
    413: "Body too large (`body_too_large`)",
    414: "URL too long (`uri_too_long`)",
    415: "Not application/json (`unsupported_media_type`)",
    422: f"Refused: nothing moved, and the same id is answered the same again: {_OUTCOMES}",
    429: "Too many requests from one address: refused by the firewall in front of the service "
    "(`too_many_requests`), or after too many wrong credentials or unknown tokens "
    "(`too_many_failed_logins`, `too_many_unknown_tokens`). Send the request again after "
    "`Retry-After` seconds, which is safe",
    431: "URL and header too large together (`header_too_large`)",
    503: "Unavailable (`overloaded`, `account_busy`, `database_unavailable`, "
    "`sessions_unavailable`, `clients_unavailable`): "
    "send the request again after `Retry-After` seconds, which is safe",
}
IN_BODY = (400, 408, 413, 415)
_EVERYWHERE = (414, 431)
IN_SESSION = (401, 503)


# The type of a body; several if it is one of them; None if there is no JSON body.
Schema = type | tuple[type, ...] | None


def _answer(description: str, schema: Schema, media_type: str = "application/json") -> Json:
    if schema is None:
        return {"description": description}
    one = {"anyOf": [ref(each) for each in schema]} if isinstance(schema, tuple) else ref(schema)
    return {"description": description, "content": {media_type: {"schema": one}}}


# A firewall cannot set our media type.
_TOO_MANY: Json = {
    "description": _PROBLEMS[429],
    "content": {
        media_type: {"schema": ref(answers.Problem)}
        for media_type in (MEDIA_TYPE, "application/json")
    },
}


def operation(
    summary: str,
    found: dict[int, tuple[str, Schema]],
    *,
    problems: tuple[int, ...] = (),
    body: type | None = None,
    parameters: tuple[Json, ...] = (),
    security: tuple[str, ...] = ("session",),
    description: str = "",
) -> Json:
    described: Json = {
        "summary": summary,
        **({"description": description} if description else {}),
        "security": [{scheme: []} for scheme in security],
        "responses": {str(s): _answer(*answer) for s, answer in found.items()}
        | {
            str(s): _answer(_PROBLEMS[s], answers.Problem, MEDIA_TYPE)
            for s in sorted((*problems, *_EVERYWHERE))
        }
        | {"429": _TOO_MANY},
    }
    if parameters:
        described["parameters"] = list(parameters)
    if body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": ref(body), "example": EXAMPLES[body]}},
        }
    return described


def parameter(where: str, name: str, schema: Json) -> Json:
    return {"in": where, "name": name, "required": where == "path", "schema": schema}


TEXT: Json = {"type": "string"}
TIME: Json = {"type": "string", "format": "date-time"}
PAGED = "A page; continue with cursor=next_cursor until it is null"


def query(name: str, schema: Json) -> Json:
    return parameter("query", name, schema)


PAGING = (
    query("limit", {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT}),
    query("cursor", TEXT),
)
