"""An account whose APIs give recorded answers.

The clients are real: botocore checks every request and every recorded answer against AWS's model of
the operation, so no test can pass with an answer that AWS would not give.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from page.account import Account
from page.cache import Cache
from page.settings import PageSettings

CHECKOUT = Path(__file__).resolve().parents[2]
Answer = dict[str, Any] | Exception | Callable[[dict[str, Any]], dict[str, Any]]


def refusal(code: str, operation: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class RecordedAccount(Account):
    """`answer` says what an operation answers: the same each time, or by its request."""

    def __init__(self, settings: PageSettings) -> None:
        super().__init__(settings)
        self._session = _session(settings.region)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._answers: dict[str, Answer] = {"sts.GetCallerIdentity": {"Account": "111111111111"}}

    def answer(self, operation: str, answer: Answer) -> None:
        """`operation`: such as `codepipeline.GetPipeline`."""
        self._answers[operation] = answer

    def forget(self) -> None:
        """As after some seconds: nothing is remembered."""
        self._cache = Cache(seconds=self.settings.cache_seconds)

    def times(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.calls)

    def client(self, service: str, **config: Config) -> Any:
        known = len(self._clients)
        client = super().client(service, **config)
        if len(self._clients) > known:
            events = client.meta.events
            events.register("before-parameter-build", _remember_request)
            events.register("before-call", lambda **call: self._give(service, **call))
        return client

    def _give(self, service: str, *, model: Any, context: Any, **_: Any) -> tuple[Any, Any]:
        name = f"{service}.{model.name}"
        request = context["recorded_request"]
        self.calls.append((name, request))
        answer = self._answers.get(name, AssertionError(f"no answer to {name} is recorded"))
        if isinstance(answer, Exception):
            raise answer
        given = answer(request) if callable(answer) else answer
        if model.output_shape is not None:
            report = ParamValidator().validate(given, model.output_shape)
            assert not report.has_errors(), f"{name}: {report.generate_report()}"
        return _Ok(), given


@cache
def _session(region: str | None) -> boto3.Session:
    """One for all tests: a session reads the models of its services once, which takes longest."""
    return boto3.Session(region_name=region)


class _Ok:
    status_code = 200


def _remember_request(*, params: dict[str, Any], context: Any, **_: Any) -> None:
    context["recorded_request"] = dict(params)
