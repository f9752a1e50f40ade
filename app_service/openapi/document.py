"""The OpenAPI 3.1 document of the routes."""

from app_service.api import answers
from app_service.api.account_state_routes import CHANGES
from app_service.ledger.domain import Account, NewAccount, NewSession
from app_service.ledger.kinds import Kind
from app_service.ledger.transaction import Transaction
from app_service.openapi.json_schemas import Json, components, schema_of
from app_service.openapi.kind_schemas import with_kinds
from app_service.openapi.operations import (
    IN_BODY,
    IN_SESSION,
    PAGED,
    PAGING,
    TEXT,
    TIME,
    Schema,
    operation,
    parameter,
    query,
)
from app_service.openapi.request_bodies import TO_TARGET, Batch
from app_service.openapi.viewer_files import FILES, PAGE
from app_service.reading.transaction_filter import ListedState

# The types of all bodies. Each is one schema of the document, and so is each part of them.
_COMPONENTS = components(
    Transaction, *TO_TARGET.values(), Batch, NewAccount, NewSession,
    Account, answers.Accounts, answers.BatchVerdict, answers.BatchVerdicts, answers.Entries,
    answers.Entry, answers.Live, answers.PastBalance, answers.Posted, answers.Problem,
    answers.Ready, answers.RecordedTransaction, answers.Session, answers.Sessions,
    answers.Statement, answers.Token, answers.Transactions, answers.Version,
)  # fmt: skip
SCHEMAS = _COMPONENTS | {"Transaction": with_kinds(_COMPONENTS["Transaction"])}

_ACCOUNT_ID = parameter("path", "account_id", schema_of(NewAccount, "account_id"))
_TRANSACTION_ID = parameter("path", "transaction_id", schema_of(Transaction, "transaction_id"))
_EITHER = ("session", "client")
_PAGE = ("The document", None)
_POSTED: dict[int, tuple[str, Schema]] = {
    201: ("Posted", answers.Posted),
    200: ("Replayed: posted before with the same contents", answers.Posted),
}

PATHS: Json = {
    "/transactions": {
        "post": operation(
            "Post one transaction; its transaction_id is the idempotency key",
            _POSTED,
            problems=(*IN_BODY, *IN_SESSION, 403, 409, 422),
            body=Transaction,
        ),
        "get": operation(
            "The transactions of an account or with a reference, newest first",
            {200: (PAGED, answers.Transactions)},
            problems=(400, 404, *IN_SESSION),
            parameters=(
                query("account_id", schema_of(NewAccount, "account_id")),
                query("reference", schema_of(Transaction, "reference")),
                query(
                    "state",
                    {"type": "string", "enum": [*ListedState], "default": ListedState.POSTED},
                ),
                query("from", TIME),
                query("to", TIME),
                *PAGING,
            ),
        ),
    },
    "/transactions/batch": {
        "post": operation(
            "Post many in their order; a refused one does not affect the others",
            {200: ("One verdict per transaction, in order", answers.BatchVerdicts)},
            problems=(*IN_BODY, *IN_SESSION, 403),
            body=Batch,
        )
    },
    "/transactions/{transaction_id}": {
        "get": operation(
            "A transaction, also a refused one, and what became of it",
            {200: ("The transaction", answers.RecordedTransaction)},
            problems=(400, 404, *IN_SESSION),
            parameters=(_TRANSACTION_ID,),
        )
    },
    **{
        f"/transactions/{{transaction_id}}/{kind}": {
            "post": operation(
                summary,
                _POSTED,
                problems=(*IN_BODY, *IN_SESSION, 403, 409, 422),
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
        "post": operation(
            "Open an account under a number of your choice",
            {201: ("Opened", Account), 200: ("Already open with the same properties", Account)},
            problems=(*IN_BODY, *IN_SESSION, 403, 409),
            body=NewAccount,
        ),
        "get": operation(
            "The accounts that the client may see, by number",
            {200: (PAGED, answers.Accounts)},
            problems=(400, 403, *IN_SESSION),
            parameters=(query("owner", schema_of(NewAccount, "owner")), *PAGING),
        ),
    },
    "/accounts/{account_id}": {
        "get": operation(
            "An account and its balance, or its balance as of a moment (RFC 3339)",
            {200: ("The account", (Account, answers.PastBalance))},
            problems=(400, 404, *IN_SESSION),
            parameters=(_ACCOUNT_ID, query("as_of", TIME)),
        )
    },
    "/accounts/{account_id}/entries": {
        "get": operation(
            "The entries of an account, newest first",
            {200: (PAGED, answers.Entries)},
            problems=(400, 404, *IN_SESSION),
            parameters=(_ACCOUNT_ID, *PAGING),
        )
    },
    "/accounts/{account_id}/statement": {
        "get": operation(
            "Opening balance, entries from the oldest on, and closing balance of a period",
            {200: (PAGED, answers.Statement)},
            problems=(400, 404, *IN_SESSION),
            parameters=(
                _ACCOUNT_ID,
                query("from", TIME) | {"required": True},
                query("to", TIME) | {"required": True},
                *PAGING,
            ),
        )
    },
    **{
        f"/accounts/{{account_id}}/{change}": {
            "post": operation(
                f"Make the account {state}; the answer is the same if it is so already",
                {200: ("The account", Account)},
                problems=(400, 403, 404, 409, *IN_SESSION),
                parameters=(_ACCOUNT_ID,),
            )
        }
        for change, state in CHANGES.items()
    },
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


_DESCRIPTION = """Moves money between accounts: every transaction is posted once, whole, or not at
all. Amounts are integers in minor units (cents).

To start, open two accounts with `POST /accounts`, one of which `may_go_negative`, then move money
from it with `POST /transactions`. `transaction_id` is yours: the same request again changes nothing
and answers `replayed`. Choose UUIDs of version 7: a large ledger stores them faster than random
ones.
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
