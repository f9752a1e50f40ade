"""A ledger in which requests made at random find accounts, transfers and holds."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
from schemathesis import Case

from tests.app_service.test_main import BASIC

ACCOUNTS = (1001, 1002, 1003)
_EACH = 40


@dataclass(frozen=True, kw_only=True)
class LedgerWithData:
    client: httpx.Client
    transfers: tuple[str, ...]
    holds: tuple[str, ...]  # the first half for captures, the others to be voided

    def point(self, case: Case[Any]) -> None:
        """Let the valid numbers and ids of a request name what exists."""
        parameters = case.path_parameters or {}
        if isinstance(account := parameters.get("account_id"), int):
            parameters["account_id"] = _one_of(ACCOUNTS, account)
        if _is_id(parameters.get("transaction_id")):
            parameters["transaction_id"] = self._target(
                case.path, str(parameters["transaction_id"])
            )
        if "user_id" in parameters:
            parameters["user_id"] = "ada"
        if isinstance(case.body, dict):
            items: Any = case.body.get("transactions", [])
            for body in (case.body, *items):
                self._point_body(body)

    def _point_body(self, body: dict[str, Any]) -> None:
        debit, credit = body.get("debit_account"), body.get("credit_account")
        if type(debit) is int and type(credit) is int and "kind" not in body:
            body["debit_account"] = ACCOUNTS[0]
            body["credit_account"] = _one_of(ACCOUNTS[1:], credit)
            body["amount_minor"] = 1
            body["currency"] = "USD"
        if _is_id(body.get("target_id")):
            body["target_id"] = self._target(str(body.get("kind")), body["target_id"])

    def _target(self, words: str, found: str) -> str:
        """A reversal undoes a transfer, a capture or void ends a hold."""
        if "capture" in words:
            targets = self.holds[: _EACH // 2]
        elif "void" in words:
            targets = self.holds[_EACH // 2 :]
        else:
            targets = self.transfers
        return targets[UUID(found).int % len(targets)]


def fill(client: httpx.Client) -> LedgerWithData:
    """Leave `client` signed in."""
    token = new_token(client)
    client.headers["Authorization"] = f"Bearer {token}"
    for account in ACCOUNTS:
        new = {"account_id": account, "currency": "USD", "may_go_negative": account == ACCOUNTS[0]}
        client.post("/accounts", json=new).raise_for_status()
    return LedgerWithData(
        client=client, transfers=_posted(client, "transfer"), holds=_posted(client, "hold")
    )


def new_token(client: httpx.Client) -> str:
    answer = client.post("/sessions", json={"user_id": "ada"}, auth=BASIC)
    return str(answer.raise_for_status().json()["token"])


def _posted(client: httpx.Client, kind: str) -> tuple[str, ...]:
    money = {"debit_account": 1001, "credit_account": 1002, "amount_minor": 5, "currency": "USD"}
    documents = [{"transaction_id": str(uuid4()), "kind": kind, **money} for _ in range(_EACH)]
    answer = client.post("/transactions/batch", json={"transactions": documents})
    verdicts = answer.raise_for_status().json()["verdicts"]
    assert {verdict["status"] for verdict in verdicts} == {"posted"}
    return tuple(verdict["transaction_id"] for verdict in verdicts)


def _one_of(values: tuple[Any, ...], number: int) -> Any:
    return values[number % len(values)]


def _is_id(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return isinstance(value, str)
