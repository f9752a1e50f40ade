"""The operations of /accounts."""

from app_service.api import answers
from app_service.api.account_state_routes import CHANGES
from app_service.ledger.domain import Account, NewAccount
from app_service.openapi.json_schemas import Json, schema_of
from app_service.openapi.operations import (
    IN_BODY,
    IN_SESSION,
    PAGED,
    PAGING,
    TIME,
    operation,
    parameter,
    query,
)

_ACCOUNT_ID = parameter("path", "account_id", schema_of(NewAccount, "account_id"))

PATHS: Json = {
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
}
