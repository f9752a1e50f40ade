"""A stream of transactions, with a log of what the system acknowledged.

The log is outside of the system, so that a transaction that the system lost is detected.
"""

import itertools
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import requests


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
    """

    api: Api
    log_file: Path
    clients: int = 8
    retries: int = 0
    failures: list[str] = field(default_factory=list)
    answers: list[tuple[float, float]] = field(default_factory=list)  # monotonic: asked, answered
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
        for number in range(self.clients):
            thread = threading.Thread(target=self._client, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> list[str]:
        """Stop the clients and return every acknowledged transaction id."""
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
        with self._session() as session:
            session.headers["Authorization"] = f"Bearer {self._token}"
            return [
                i
                for i in acknowledged
                if session.get(f"{self.api.url}/transactions/{i}", timeout=10).status_code != 200
            ]

    def balances_minor(self) -> list[int]:
        """Balances of the stream's accounts; their sum is always zero."""
        with self._session() as session:
            session.headers["Authorization"] = f"Bearer {self._token}"
            return [
                session.get(f"{self.api.url}/accounts/{a}", timeout=10).json()["balance_minor"]
                for a in self.accounts
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
        while not self._stop.is_set():
            transaction_id = str(uuid.uuid4())
            body = json.dumps(
                {
                    "transaction_id": transaction_id,
                    "debit_account": self.accounts[number],
                    "credit_account": self.accounts[-1],
                    "amount_minor": 1,
                    "currency": "USD",
                }
            )
            asked = time.monotonic()
            if self._post(session, body):
                with self._lock, self.log_file.open("a") as log:
                    log.write(transaction_id + "\n")
                    self.answers.append((asked, time.monotonic()))

    def _post(self, session: requests.Session, body: str) -> bool:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                answer = session.post(f"{self.api.url}/transactions", data=body, timeout=5)
            except requests.RequestException:
                status = 0
            else:
                status = answer.status_code
            if status in (200, 201):
                return True
            with self._lock:
                self.retries += 1
            if 400 <= status < 500:
                self.failures.append(f"{status}: {answer.text}")
                return False
            time.sleep(0.05)
        self.failures.append("no acknowledgement within 30 s")
        return False
