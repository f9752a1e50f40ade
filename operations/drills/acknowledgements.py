"""A stream of transactions, with a log of what the system acknowledged.

The log is outside of the system, so that a transaction that the system lost is detected.
"""

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from botocore.exceptions import BotoCoreError, ClientError


@dataclass(frozen=True, kw_only=True)
class Api:
    """The API that receives the stream, and its certificate."""

    url: str
    certificate_file: str | None  # None: of a public authority
    client_id: str
    client_secret: str


@dataclass(kw_only=True)
class Stream:
    """Clients that post one transaction after another until `stop`.

    After an answer other than 201 or 200 the client retries with the same id, as clients must.
    Ids of acknowledged transactions are appended to `log_file` before the next one is sent.
    `queue`, if given, takes a message each second; a message that it takes is acknowledged.
    """

    api: Api
    log_file: Path
    clients: int = 8
    requests_per_second: float | None = None  # of all clients together; None: without a limit
    queue: Callable[[str], None] | None = None
    patience_seconds: float = 30.0  # of a client, for one transaction
    queue_patience_seconds: float = 120.0
    retries: int = 0
    faults: list[str] = field(default_factory=list)  # one for each retried request
    failures: list[str] = field(default_factory=list)
    answers: list[tuple[float, float]] = field(default_factory=list)  # monotonic: asked, answered
    queued: list[float] = field(default_factory=list)  # monotonic: a message was taken
    retried: list[float] = field(default_factory=list)  # monotonic: a request failed
    started: float = 0.0  # monotonic
    stopped: float | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _token: str = ""

    def start(self) -> None:
        """Open a session and the accounts, then start the clients."""
        with self._session() as session:
            opened = session.post(
                f"{self.api.url}/sessions",
                auth=(self.api.client_id, self.api.client_secret),
                json={"user_id": "drill"},
                timeout=10,
            )
            opened.raise_for_status()
            self._token = opened.json()["token"]
            base = uuid.uuid4().int % 2**50 + 1
            self.accounts = [base + n for n in range(self.clients + 1)]
            for account in self.accounts:
                session.post(
                    f"{self.api.url}/accounts",
                    json={"account_id": account, "currency": "USD", "may_go_negative": True},
                    headers={"Authorization": f"Bearer {self._token}"},
                    timeout=10,
                ).raise_for_status()
        self.started = time.monotonic()
        for number in range(self.clients):
            thread = threading.Thread(target=self._client, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)
        if self.queue is not None:
            thread = threading.Thread(target=self._sender, args=(self.queue,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> list[str]:
        """Stop the clients and return every acknowledged transaction id."""
        if self.stopped is None:
            self.stopped = time.monotonic()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.log_file.read_text().split() if self.log_file.exists() else []

    def longest_silence_seconds(self, *, since: float) -> float:
        """The longest time after `since` without an acknowledgement to any client."""
        moments = [since, *sorted(answered for _, answered in self.answers if answered > since)]
        gaps = (then - before for before, then in itertools.pairwise(moments))
        return max(gaps, default=float("inf"))

    def longest_wait_seconds(self, *, since: float) -> float:
        """The longest time from first request to acknowledgement, of those after `since`."""
        waits = (answered - asked for asked, answered in self.answers if answered > since)
        return max(waits, default=float("inf"))

    def missing(self, acknowledged: list[str]) -> list[str]:
        """The acknowledged ids that are not in the ledger."""
        shares = [acknowledged[number :: self.clients] for number in range(self.clients)]
        with ThreadPoolExecutor(self.clients) as pool:
            return [i for missing in pool.map(self._missing, shares) for i in missing]

    def balances_minor(self) -> list[int]:
        """Balances of the stream's accounts; their sum is always zero."""
        with self._session() as session:
            session.headers["Authorization"] = f"Bearer {self._token}"
            return [
                session.get(f"{self.api.url}/accounts/{a}", timeout=10).json()["balance_minor"]
                for a in self.accounts
            ]

    def _missing(self, acknowledged: list[str]) -> list[str]:
        with self._session() as session:
            session.headers["Authorization"] = f"Bearer {self._token}"
            return [
                i
                for i in acknowledged
                if session.get(f"{self.api.url}/transactions/{i}", timeout=10).status_code != 200
            ]

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # REQUESTS_CA_BUNDLE would replace our certificate
        session.verify = self.api.certificate_file or True
        return session

    def _client(self, number: int) -> None:
        session = self._session()
        session.headers["Authorization"] = f"Bearer {self._token}"
        session.headers["Content-Type"] = "application/json"
        pause = self.clients / self.requests_per_second if self.requests_per_second else 0.0
        due = time.monotonic() + pause * number / self.clients
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            transaction = self._transaction(debit=self.accounts[number])
            asked = time.monotonic()
            # After a slow answer the client does not catch up: the rate is never exceeded.
            due = max(due, asked - pause) + pause
            if self._post(session, json.dumps(transaction)):
                self._log(transaction["transaction_id"])
                self.answers.append((asked, time.monotonic()))

    def _sender(self, send: Callable[[str], None]) -> None:
        while not self._stop.wait(1.0):
            transaction = self._transaction(debit=self.accounts[0])
            message = {"type": "transaction.submitted", "version": 1, "transaction": transaction}
            if self._send(send, json.dumps(message)):
                self._log(transaction["transaction_id"])
                self.queued.append(time.monotonic())

    def _send(self, send: Callable[[str], None], message: str) -> bool:
        """Like a client of the API, the sender tries again with the same message."""
        deadline = time.monotonic() + self.queue_patience_seconds
        while time.monotonic() < deadline:
            try:
                send(message)
            except (BotoCoreError, ClientError) as error:
                with self._lock:
                    self.retries += 1
                    self.retried.append(time.monotonic())
                    self.faults.append(f"queue: {error}")
            else:
                return True
            time.sleep(1.0)
        self.failures.append(f"queue: took no message within {self.queue_patience_seconds:.0f} s")
        return False

    def _transaction(self, *, debit: int) -> dict[str, Any]:
        return {
            "transaction_id": str(uuid.uuid4()),
            "debit_account": debit,
            "credit_account": self.accounts[-1],
            "amount_minor": 1,
            "currency": "USD",
        }

    def _log(self, transaction_id: str) -> None:
        with self._lock, self.log_file.open("a") as log:
            log.write(transaction_id + "\n")

    def _post(self, session: requests.Session, body: str) -> bool:
        deadline = time.monotonic() + self.patience_seconds
        while time.monotonic() < deadline:
            try:
                answer = session.post(f"{self.api.url}/transactions", data=body, timeout=5)
            except requests.RequestException as error:
                status, fault = 0, repr(error)
            else:
                status, fault = answer.status_code, f"{answer.status_code}: {answer.text}"
            if status in (200, 201):
                return True
            with self._lock:
                self.retries += 1
                self.retried.append(time.monotonic())
                self.faults.append(fault)
            if 400 <= status < 500:
                self.failures.append(fault)
                return False
            time.sleep(0.05)
        self.failures.append(f"no acknowledgement within {self.patience_seconds:.0f} s")
        return False
