"""A ledger in which requests made at random find accounts, transfers and holds."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from schemathesis import Case

from tests.running_service.caller import Caller

Accounts = tuple[int, int, int, int]
_EACH = 40


@dataclass(frozen=True, kw_only=True)
class LedgerWithData:
    accounts: Accounts
    transfers: tuple[str, ...]
    holds: tuple[str, ...]  # the first half for captures, the others to be voided
    _turns: "count[int]" = field(default_factory=count)

    def point(self, case: Case[Any]) -> None:
        """Let the valid numbers and ids of a request name what exists.

        In every second request also take away what refuses most requests made at random: an id
        that was used before, and a cursor or a combination of filters that the service did not
        return.
        """
        parameters = case.path_parameters or {}
        if isinstance(account := parameters.get("account_id"), int):
            is_closing = case.path.endswith("/close")
            parameters["account_id"] = (
                self.accounts[-1] if is_closing else _one_of(self.accounts[:-1], account)
            )
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
        if next(self._turns) % 2 == 0:
            self._make_new(case)

    def _make_new(self, case: Case[Any]) -> None:
        if isinstance(case.body, dict) and _is_id(case.body.get("transaction_id")):
            case.body["transaction_id"] = str(uuid4())
        query = case.query or {}
        query.pop("cursor", None)
        if case.operation.path == "/transactions" and query:
            query["account_id"] = self.accounts[0]
            for other in ("reference", "from", "to"):
                query.pop(other, None)

    def _point_body(self, body: dict[str, Any]) -> None:
        debit, credit = body.get("debit_account"), body.get("credit_account")
        if type(debit) is int and type(credit) is int and "kind" not in body:
            body["debit_account"] = self.accounts[0]
            body["credit_account"] = _one_of(self.accounts[1:-1], credit)
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


def accounts_of(caller: Caller, operator: Caller, *, first: int) -> Accounts:
    """Those that the caller owns: the first may go negative, the last stays empty."""
    numbers = (first, first + 1, first + 2, first + 3)
    for number in numbers:
        new = {"account_id": number, "currency": "USD", "owner": caller.client_id}
        operator.post("/accounts", new | {"may_go_negative": number == first})
    return numbers


def fill(caller: Caller, accounts: Accounts) -> LedgerWithData:
    """Accounts that the caller may debit, transfers and holds."""
    return LedgerWithData(
        accounts=accounts,
        transfers=_posted(caller, accounts, "transfer"),
        holds=_posted(caller, accounts, "hold"),
    )


def _posted(caller: Caller, accounts: Accounts, kind: str) -> tuple[str, ...]:
    money = {
        "debit_account": accounts[0],
        "credit_account": accounts[1],
        "amount_minor": 5,
        "currency": "USD",
    }
    documents = [{"transaction_id": str(uuid4()), "kind": kind, **money} for _ in range(_EACH)]
    verdicts = caller.post("/transactions/batch", {"transactions": documents})["verdicts"]
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
