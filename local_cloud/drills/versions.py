"""Watches which versions of the service answer during a drill."""

import threading
from collections import Counter
from types import TracebackType
from typing import Self

import requests

from local_cloud.facts import Facts, api_client
from local_cloud.server import RunningCloud

_INTERVAL_SECONDS = 0.2


class VersionWatch:
    """Asks `/version` through the load balancer until the end of the `with` block."""

    def __init__(self, *, url: str, certificate_file: str | None, client: tuple[str, str]) -> None:
        self._url = f"{url}/version"
        self._client = client
        self._verify: str | bool = certificate_file or True
        self._answers: Counter[str] = Counter()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    @classmethod
    def of(cls, facts: Facts, cloud: RunningCloud) -> Self:
        return cls(
            url=facts["ApiUrl"],
            certificate_file=facts.get("certificate_file"),
            client=api_client(facts, cloud),
        )

    def seen(self) -> str:
        """How often each version answered, for people."""
        return ", ".join(f"{version} {number}" for version, number in self._answers.items())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # REQUESTS_CA_BUNDLE would replace our certificate
            session.verify = self._verify
            while not self._ended.wait(_INTERVAL_SECONDS):
                try:
                    answer = session.get(self._url, auth=self._client, timeout=10)
                except requests.RequestException as error:
                    self._answers[type(error).__name__] += 1
                    continue
                known = answer.status_code == 200
                self._answers[answer.json()["version"] if known else str(answer.status_code)] += 1
