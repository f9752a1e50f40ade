"""The OpenAPI 3.1 document of the routes."""

from app_service.ledger import answers
from app_service.ledger.account_state_routes import CHANGES
from app_service.ledger.domain import Account, NewAccount, NewSession
from app_service.ledger.examples import EXAMPLES
from app_service.ledger.json_schemas import Json, components, ref, schema_of
from app_service.ledger.kind_schemas import with_kinds
from app_service.ledger.kinds import Kind
from app_service.ledger.problems import MEDIA_TYPE
from app_service.ledger.request_bodies import TO_TARGET, Batch
from app_service.ledger.transaction import Transaction
from app_service.ledger.transaction_filter import ListedState
from app_service.ledger.url_query import PAGE_DEFAULT, PAGE_MAX
from app_service.ledger.verdict import REFUSALS
from app_service.ledger.viewer_files import FILES, PAGE

# The types of all bodies. Each is one schema of the document, and so is each part of them.
_COMPONENTS = components(
    Transaction, *TO_TARGET.values(), Batch, NewAccount, NewSession,
    Account, answers.Accounts, answers.BatchVerdict, answers.BatchVerdicts, answers.Entries,
    answers.Entry, answers.Live, answers.PastBalance, answers.Posted, answers.Problem,
    answers.Ready, answers.RecordedTransaction, answers.Session, answers.Sessions,
    answers.Statement, answers.Token, answers.Transactions, answers.Version,
)  # fmt: skip
SCHEMAS = _COMPONENTS | {"Transaction": with_kinds(_COMPONENTS["Transaction"])}

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
    422: f"Refused, nothing was written: {_OUTCOMES}",
    429: "Too many requests from one address: refused by the firewall in front of the service "
    "(`too_many_requests`), or after too many wrong credentials or unknown tokens "
    "(`too_many_failed_logins`, `too_many_unknown_tokens`). Send the request again after "
    "`Retry-After` seconds, which is safe",
    431: "URL and header too large together (`header_too_large`)",
    503: "Unavailable (`overloaded`, `account_busy`, `database_unavailable`, "
    "`sessions_unavailable`, `clients_unavailable`): "
    "send the request again after `Retry-After` seconds, which is safe",
}
_IN_BODY = (400, 408, 413, 415)
_EVERYWHERE = (414, 431)
_IN_SESSION = (401, 503)


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


def _operation(
    summary: str,
    found: dict[int, tuple[str, Schema]],
    *,
    problems: tuple[int, ...] = (),
    body: type | None = None,
    parameters: tuple[Json, ...] = (),
    security: tuple[str, ...] = ("session",),
    description: str = "",
) -> Json:
    operation: Json = {
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
        operation["parameters"] = list(parameters)
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": ref(body), "example": EXAMPLES[body]}},
        }
    return operation


def _parameter(where: str, name: str, schema: Json) -> Json:
    return {"in": where, "name": name, "required": where == "path", "schema": schema}


_TEXT: Json = {"type": "string"}
_ACCOUNT_ID = _parameter("path", "account_id", schema_of(NewAccount, "account_id"))
_TRANSACTION_ID = _parameter("path", "transaction_id", schema_of(Transaction, "transaction_id"))
_TIME: Json = {"type": "string", "format": "date-time"}
_PAGED = "A page; continue with cursor=next_cursor until it is null"


def _query(name: str, schema: Json) -> Json:
    return _parameter("query", name, schema)


_PAGING = (
    _query(
        "limit", {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT}
    ),
    _query("cursor", _TEXT),
)
_EITHER = ("session", "client")
_PAGE = ("The document", None)
_POSTED: dict[int, tuple[str, Schema]] = {
    201: ("Posted", answers.Posted),
    200: ("Replayed: posted before with the same contents", answers.Posted),
}

PATHS: Json = {
    "/transactions": {
        "post": _operation(
            "Post one transaction; its transaction_id is the idempotency key",
            _POSTED,
            problems=(*_IN_BODY, *_IN_SESSION, 403, 409, 422),
            body=Transaction,
        ),
        "get": _operation(
            "The transactions of an account or with a reference, newest first",
            {200: (_PAGED, answers.Transactions)},
            problems=(400, 404, *_IN_SESSION),
            parameters=(
                _query("account_id", schema_of(NewAccount, "account_id")),
                _query("reference", schema_of(Transaction, "reference")),
                _query(
                    "state",
                    {"type": "string", "enum": [*ListedState], "default": ListedState.POSTED},
                ),
                _query("from", _TIME),
                _query("to", _TIME),
                *_PAGING,
            ),
        ),
    },
    "/transactions/batch": {
        "post": _operation(
            "Post many in their order; a refused one does not affect the others",
            {200: ("One verdict per transaction, in order", answers.BatchVerdicts)},
            problems=(*_IN_BODY, *_IN_SESSION, 403),
            body=Batch,
        )
    },
    "/transactions/{transaction_id}": {
        "get": _operation(
            "A transaction, also a refused one, and what became of it",
            {200: ("The transaction", answers.RecordedTransaction)},
            problems=(400, 404, *_IN_SESSION),
            parameters=(_TRANSACTION_ID,),
        )
    },
    **{
        f"/transactions/{{transaction_id}}/{kind}": {
            "post": _operation(
                summary,
                _POSTED,
                problems=(*_IN_BODY, *_IN_SESSION, 403, 409, 422),
                body=TO_TARGET[kind],
                parameters=(_TRANSACTION_ID,),
            )
        }
        for kind, summary in {
            Kind.REVERSAL: "Move back what a transfer or capture has moved, once",
            Kind.CAPTURE: "Move what a hold reserves, whole or in part, and release the rest",
            Kind.VOID: "Release what a hold reserves",
        }.items()
    },
    "/accounts": {
        "post": _operation(
            "Open an account under a number of your choice",
            {201: ("Opened", Account), 200: ("Already open with the same properties", Account)},
            problems=(*_IN_BODY, *_IN_SESSION, 403, 409),
            body=NewAccount,
        ),
        "get": _operation(
            "The accounts that the client may see, by number",
            {200: (_PAGED, answers.Accounts)},
            problems=(400, 403, *_IN_SESSION),
            parameters=(_query("owner", schema_of(NewAccount, "owner")), *_PAGING),
        ),
    },
    "/accounts/{account_id}": {
        "get": _operation(
            "An account and its balance, or its balance as of a moment (RFC 3339)",
            {200: ("The account", (Account, answers.PastBalance))},
            problems=(400, 404, *_IN_SESSION),
            parameters=(_ACCOUNT_ID, _query("as_of", _TIME)),
        )
    },
    "/accounts/{account_id}/entries": {
        "get": _operation(
            "The entries of an account, newest first",
            {200: (_PAGED, answers.Entries)},
            problems=(400, 404, *_IN_SESSION),
            parameters=(_ACCOUNT_ID, *_PAGING),
        )
    },
    "/accounts/{account_id}/statement": {
        "get": _operation(
            "Opening balance, entries from the oldest on, and closing balance of a period",
            {200: (_PAGED, answers.Statement)},
            problems=(400, 404, *_IN_SESSION),
            parameters=(
                _ACCOUNT_ID,
                _query("from", _TIME) | {"required": True},
                _query("to", _TIME) | {"required": True},
                *_PAGING,
            ),
        )
    },
    **{
        f"/accounts/{{account_id}}/{change}": {
            "post": _operation(
                f"Make the account {state}; the answer is the same if it is so already",
                {200: ("The account", Account)},
                problems=(400, 403, 404, 409, *_IN_SESSION),
                parameters=(_ACCOUNT_ID,),
            )
        }
        for change, state in CHANGES.items()
    },
    "/sessions": {
        "post": _operation(
            "Open a session for a user",
            {201: ("The token, which is shown only once", answers.Token)},
            problems=(*_IN_BODY, *_IN_SESSION),
            body=NewSession,
            security=("client",),
        )
    },
    "/sessions/current": {
        "get": _operation(
            "The session of this token",
            {200: ("The session", answers.Session)},
            problems=_IN_SESSION,
        ),
        "delete": _operation(
            "Close the session of this token", {204: ("Closed", None)}, problems=_IN_SESSION
        ),
    },
    "/users/{user_id}/sessions": {
        "get": _operation(
            "The live sessions of the session's own user, newest first",
            {200: ("The sessions", answers.Sessions)},
            problems=(*_IN_SESSION, 403),
            parameters=(_parameter("path", "user_id", _TEXT),),
        )
    },
    "/health/live": {
        "get": _operation("Whether this task runs", {200: ("It runs", answers.Live)}, security=())
    },
    "/health/ready": {
        "get": _operation(
            "Whether everything that this task needs answers",
            {
                200: ("Everything answers", answers.Ready),
                503: ("Something is missing", answers.Ready),
            },
            security=(),
        )
    },
    "/version": {
        "get": _operation(
            "The deployed version",
            {200: ("The version", answers.Version)},
            problems=(401, 503),
            security=_EITHER,
        )
    },
    "/openapi.json": {
        "get": _operation("This document", {200: _PAGE}, problems=(401, 503), security=_EITHER)
    },
    "/docs": {"get": _operation("The page that shows this document", {200: _PAGE}, security=())},
    "/docs/{file}": {
        "get": _operation(
            "A script or style sheet of that page",
            {200: ("The file", None)},
            problems=(404,),
            parameters=(_parameter("path", "file", {"enum": sorted(FILES.keys() - {PAGE})}),),
            security=(),
        )
    },
}


_DESCRIPTION = """Moves money between accounts: every transaction is posted once, whole, or not at
all. Amounts are integers in minor units (cents).

To start, open two accounts with `POST /accounts`, one of which `may_go_negative`, then move money
from it with `POST /transactions`. `transaction_id` is yours: the same request again changes nothing
and answers `replayed`.
"""
_TAGS = {
    "transactions": "Transactions",
    "accounts": "Accounts",
    "sessions": "Sessions",
    "users": "Sessions",
}
_OTHER = "Service"


def _tag(path: str) -> str:
    return _TAGS.get(path.split("/")[1], _OTHER)


def document(version: str) -> Json:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ledger",
            "version": version,
            "description": _DESCRIPTION,
        },
        "tags": [{"name": tag} for tag in dict.fromkeys((*_TAGS.values(), _OTHER))],
        "paths": {
            path: {method: {"tags": [_tag(path)], **each} for method, each in operations.items()}
            for path, operations in PATHS.items()
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer"},
                "client": {"type": "http", "scheme": "basic"},
            },
        },
    }
