"""Answers the git host's API and AWS APIs that MiniStack lacks; MiniStack answers the others."""

import asyncio
import functools
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from local_cloud.emulator import fis_api
from local_cloud.emulator.codepipeline_api import ApiError
from local_cloud.emulator.fis_api import FisApi
from local_cloud.emulator.github_api import GitHubApi
from local_cloud.emulator.pipeline_runs import PipelineRuns
from local_cloud.emulator.resumption import Resumption
from local_cloud.git_host import GITHUB_PATH, PUSHED_PATH
from local_cloud.paths import RESUMED_PATH

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# An operation's name and its request; raises ApiError.
JsonApi = Callable[[str, Mapping[str, Any]], dict[str, Any]]

_AMZ_JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True, kw_only=True)
class Edge:
    """An ASGI application in front of `inner`."""

    inner: App
    apis: Mapping[str, JsonApi]  # by the start of the header X-Amz-Target
    github: GitHubApi
    runs: PipelineRuns
    resumption: Resumption
    fis: FisApi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handler(scope) if scope["type"] == "http" else None
        if handler is None:
            await self.inner(scope, receive, send)
            return
        body = await _body(receive)
        try:
            status, headers, answer = await asyncio.to_thread(handler, body)
        except Exception as error:  # the request's boundary
            logger.exception("%s %s", scope["method"], scope["path"])
            status, headers, answer = 500, {}, {"message": f"{type(error).__name__}: {error}"}
        await _send(send, status, {"content-type": "application/json", **headers}, answer)

    def _handler(self, scope: Scope) -> Callable[[bytes], tuple[int, dict[str, str], Any]] | None:
        path = scope["path"]
        if path.startswith(f"{GITHUB_PATH}/"):
            raw = scope["raw_path"].decode("ascii").partition("?")[0]
            query = dict(parse_qsl(scope["query_string"].decode()))

            def ask(_: bytes) -> tuple[int, dict[str, str], Any]:
                answer = self.github.get(raw.removeprefix(GITHUB_PATH), query)
                return answer.status, answer.headers, answer.body

            return ask
        if path == PUSHED_PATH:
            return lambda body: (200, {}, self.runs.pushed(**json.loads(body)))
        if path == RESUMED_PATH:
            return lambda _: self.resumption.answer()
        if fis_api.SCOPE in _header(scope, b"authorization"):
            sent = scope["raw_path"].decode("ascii").partition("?")[0]
            return functools.partial(self.fis.call, scope["method"], sent)
        target = _header(scope, b"x-amz-target")
        for prefix, api in self.apis.items():
            if target.startswith(prefix):
                operation = target.removeprefix(prefix)
                return functools.partial(self._call, api, operation)
        return None

    def _call(self, api: JsonApi, operation: str, body: bytes) -> tuple[int, dict[str, str], Any]:
        headers = {"content-type": _AMZ_JSON}
        try:
            return 200, headers, api(operation, json.loads(body or b"{}"))
        except ApiError as error:
            return 400, headers, {"__type": error.code, "message": str(error)}


def _header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, status: int, headers: dict[str, str], answer: Any) -> None:
    body = json.dumps(answer).encode()
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
