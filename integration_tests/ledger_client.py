"""A client of the ledger's HTTP API."""

import secrets
import uuid
from typing import Any

import requests

_TIMEOUT_SECONDS = 30  # the service answers within 8 s, if the machine is not loaded
_ACCOUNT_MAX = 2**53 - 1


class LedgerClient:
    """One session against one environment; every call verifies the server's certificate."""

    def __init__(self, *, api_url: str, verify: str | bool) -> None:
        self.api_url = api_url
        self.http = requests.Session()
        self._verify = verify

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        # With every request: REQUESTS_CA_BUNDLE overrides the setting of a session.
        return self.http.request(
            method,
            f"{self.api_url}{path}",
            timeout=_TIMEOUT_SECONDS,
            verify=self._verify,
            **arguments,
        )

    def open_session(self, client_id: str, client_secret: str, *, user_id: str) -> str:
        """Open a session, use it from now on, and return its token."""
        answer = self.call(
            "POST", "/sessions", auth=(client_id, client_secret), json={"user_id": user_id}
        )
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        self.http.headers["Authorization"] = f"Bearer {token}"
        return token

    def open_account(
        self, *, may_go_negative: bool = False, currency: str = "USD", owner: str | None = None
    ) -> int:
        """Open an account under a random number, for another client if there is an `owner`."""
        account_id = 1 + secrets.randbelow(_ACCOUNT_MAX)
        answer = self.call(
            "POST",
            "/accounts",
            json={
                "account_id": account_id,
                "currency": currency,
                "may_go_negative": may_go_negative,
                **({"owner": owner} if owner is not None else {}),
            },
        )
        assert answer.status_code == 201, answer.text
        return account_id

    def post(self, transaction: dict[str, Any]) -> requests.Response:
        return self.call("POST", "/transactions", json=transaction)

    def act(
        self, target: dict[str, Any], action: str, document: dict[str, Any]
    ) -> requests.Response:
        """`reversal`, `capture` or `void` of a transaction."""
        return self.call(
            "POST", f"/transactions/{target['transaction_id']}/{action}", json=document
        )

    def find(self, transaction_id: str) -> requests.Response:
        return self.call("GET", f"/transactions/{transaction_id}")

    def statuses(self, batch: list[dict[str, Any]]) -> list[str]:
        """What became of each transaction of a batch, in order."""
        answer = self.call("POST", "/transactions/batch", json={"transactions": batch})
        assert answer.status_code == 200, answer.text
        return [each["status"] for each in answer.json()["verdicts"]]

    def listed(self, **query: str | int) -> set[str]:
        """The ids on all pages of a list."""
        return {each["transaction_id"] for each in self._listed("transactions", query)}

    def accounts_of(self, owner: str) -> set[int]:
        """The numbers of a client's accounts."""
        query: dict[str, str | int] = {"owner": owner, "limit": 500}
        return {each["account_id"] for each in self._listed("accounts", query)}

    def _listed(self, of: str, query: dict[str, str | int]) -> list[dict[str, Any]]:
        """What is on all pages, each once."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.call("GET", f"/{of}", params={**query, **cursor})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            assert not any(each in found for each in page[of])
            found += page[of]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def money(self, account_id: int) -> dict[str, int]:
        """Balance, held and available amount of an account."""
        account = self.account(account_id)
        return {name: account[name] for name in ("balance_minor", "held_minor", "available_minor")}

    def balance_minor(self, account_id: int) -> int:
        balance: int = self.account(account_id)["balance_minor"]
        return balance

    def account(self, account_id: int) -> dict[str, Any]:
        answer = self.call("GET", f"/accounts/{account_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def new_id() -> dict[str, Any]:
    """The body of an action without other fields."""
    return {"transaction_id": str(uuid.uuid4())}


def new_hold(debit_account: int, credit_account: int, amount_minor: int) -> dict[str, Any]:
    return new_transaction(debit_account, credit_account, amount_minor) | {"kind": "hold"}


def new_transaction(
    debit_account: int, credit_account: int, amount_minor: int, *, currency: str = "USD"
) -> dict[str, Any]:
    return {
        "transaction_id": str(uuid.uuid4()),
        "debit_account": debit_account,
        "credit_account": credit_account,
        "amount_minor": amount_minor,
        "currency": currency,
    }
