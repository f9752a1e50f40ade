"""The operations of /transactions."""

from app_service.api import answers
from app_service.ledger.domain import NewAccount
from app_service.ledger.kinds import Kind
from app_service.ledger.transaction import Transaction
from app_service.openapi.json_schemas import Json, schema_of
from app_service.openapi.operations import (
    IN_BODY,
    IN_SESSION,
    PAGED,
    PAGING,
    TIME,
    Schema,
    operation,
    parameter,
    query,
)
from app_service.openapi.request_bodies import TO_TARGET, Batch
from app_service.reading.transaction_filter import ListedState

_TRANSACTION_ID = parameter("path", "transaction_id", schema_of(Transaction, "transaction_id"))
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
}
