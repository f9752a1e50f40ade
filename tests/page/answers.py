"""AWS clients whose operations answer what a test says."""

from collections.abc import Iterator
from typing import Any

from page.account import Account
from page.settings import PageSettings


class Answers:
    """By operation: an answer, a function of the request, or an exception to raise."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            answer = self.answers[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer(**request) if callable(answer) else answer

        return call

    def get_paginator(self, operation: str) -> "_Pages":
        return _Pages(getattr(self, operation))


class _Pages:
    def __init__(self, call: Any) -> None:
        self._call = call

    def paginate(self, **request: Any) -> Iterator[Any]:
        yield self._call(**request)


class AnsweringAccount(Account):
    """By service: its answers. Nothing is remembered, so that a change is seen at once."""

    def __init__(self, settings: PageSettings, **services: Answers) -> None:
        super().__init__(settings)
        self._clients = dict(services)

    def remember(self, key: Any, read: Any, *, seconds: float | None = None) -> Any:
        return read()
