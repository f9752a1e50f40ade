"""Clients of the API: each call is sent, with the same id, until it has a definite answer."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import httpx

from soak.api_inputs import Call, calls_of
from soak.database import ADDRESS
from soak.inputs import BANK, EURO_BANK, PEOPLE, POOR
from soak.outside_log import Acknowledged, OutsideLog
from soak.problems import Problem
from soak.service import CLIENT_ID, CLIENT_SECRET

_TIMEOUT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 0.1
_PAUSE_SECONDS: Final = 0.03  # between two calls of one client
_NOT_NOW: Final = frozenset({429, 500, 502, 503, 504})


class NoAnswer(Exception):
    """The API has not answered, however often it was asked."""


class ApiClient:
    """`numbers` are those of its series of calls; no two clients have one in common."""

    def __init__(self, *, port: int, seed: int, numbers: Iterable[int]) -> None:
        self._port = port
        self._seed = seed
        self._numbers = numbers
        self._token: str | None = None
        self._http = self._open()

    def open_accounts(self) -> None:
        for account, currency, negative in (
            (BANK, "USD", True),
            (EURO_BANK, "EUR", True),
            (POOR, "USD", False),
            *((person, "USD", False) for person in PEOPLE),
        ):
            opened = {"account_id": account, "currency": currency, "may_go_negative": negative}
            status, answer = self._until_answered("/accounts", opened)
            if status not in (200, 201):
                raise RuntimeError(f"account {account} was not opened: {status} {answer}")

    def runs(self, log: OutsideLog) -> Callable[[threading.Event], None]:
        return partial(self._run, log)

    def _run(self, log: OutsideLog, stopped: threading.Event) -> None:
        for number in self._numbers:
            for call in calls_of(self._seed, number):
                self._call(call, log)
                if stopped.wait(_PAUSE_SECONDS):
                    return

    def _call(self, call: Call, log: OutsideLog) -> None:
        try:
            status, answer = self._until_answered(call.path, call.document)
        except NoAnswer as error:
            log.unexpected(Problem(what=f"{call.path}: {error}", subject=str(call.document)[:60]))
            return
        if call.transactions:
            verdicts = _verdicts(answer, call.transactions)
        else:
            verdicts = [str(answer.get("code"))]
        log.acknowledged(
            *(
                Acknowledged(transaction=transaction, status=verdict)
                for transaction, verdict in zip(call.transactions, verdicts, strict=False)
            )
        )
        if not call.allowed_verdicts.issuperset(verdicts):
            wrong = sorted({*verdicts} - call.allowed_verdicts)
            what = f"{call.path} answered {status} {', '.join(wrong)}"
            log.unexpected(Problem(what=what, subject=str(call.document)[:60]))

    def _until_answered(self, path: str, document: Any) -> tuple[int, Any]:
        """Raises NoAnswer."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            try:
                if self._token is None:
                    self._token = self._session()  # None: not now
                if self._token is None:
                    time.sleep(_RETRY_SECONDS)
                    continue
                content = (
                    {"content": document} if isinstance(document, bytes) else {"json": document}
                )
                headers = {
                    "Authorization": f"Bearer {self._token}",
                    "Content-Type": "application/json",
                }
                answer = self._http.post(path, headers=headers, **content)
                if answer.status_code not in _NOT_NOW:
                    return answer.status_code, answer.json()
            except (httpx.HTTPError, ValueError):  # no answer, or half of one
                self._http.close()
                self._http = self._open()
            time.sleep(_RETRY_SECONDS)
        raise NoAnswer(f"no definite answer in {ANSWER_SECONDS:.0f} s")

    def _session(self) -> str | None:
        answer = self._http.post(
            "/sessions", json={"user_id": "soak"}, auth=(CLIENT_ID, CLIENT_SECRET)
        )
        return str(answer.json()["token"]) if answer.status_code == 201 else None

    def _open(self) -> httpx.Client:
        # The service's certificate is self-signed, as behind the load balancer.
        base = f"https://{ADDRESS}:{self._port}"
        return httpx.Client(base_url=base, verify=False, timeout=_TIMEOUT_SECONDS)


def _verdicts(answer: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]) -> list[str]:
    if "verdicts" in answer:
        return [str(verdict["status"]) for verdict in answer["verdicts"]]
    return [
        str(answer.get("status") if len(wanted) == 1 and "code" not in answer else answer["code"])
    ]
