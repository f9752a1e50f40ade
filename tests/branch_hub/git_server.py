"""A local server with the part of GitHub's API that the branch hub uses, and invented branches."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

REPOSITORY = "acme/transaction-pipeline"


class GitServer:
    """`branches` maps each to the time of its last commit. `refusals` maps the end of a path, or
    "" for all, to the status that is answered instead."""

    def __init__(self) -> None:
        self.branches: dict[str, str] = {}
        self.refusals: dict[str, int] = {}
        self.bodies: dict[str, Any] = {}  # the answer instead, by the end of a path
        self.headers: dict[str, str] = {}  # headers of every answer
        self.has_links = True
        self.page_size_max = 100
        self.asked: list[str] = []
        self.tokens: list[str | None] = []
        self.clients: list[int] = []  # by request: the port of its connection
        self.url = ""

    def answer(self, target: str) -> tuple[int, Any, dict[str, str]]:
        path = unquote(urlsplit(target).path)
        for end, status in self.refusals.items():
            if path.endswith(end):
                return status, {"message": "refused"}, {}
        for end, body in self.bodies.items():
            if path.endswith(end):
                return 200, body, {}
        root = f"/api/repos/{REPOSITORY}"
        if path == root:
            return 200, {"full_name": REPOSITORY}, {}
        if path == f"{root}/branches":
            query = parse_qs(urlsplit(target).query)
            return self._page(int(query["page"][0]), int(query["per_page"][0]))
        for prefix, shape in (("/git/ref/heads/", self._ref), ("/commits/heads/", self._commit)):
            name = path.removeprefix(root + prefix)
            if name != path and name in self.branches:
                return 200, shape(name), {}
        return 404, {"message": "Not Found"}, {}

    def _page(self, page: int, size: int) -> tuple[int, Any, dict[str, str]]:
        names, size = sorted(self.branches), min(size, self.page_size_max)
        shown = names[(page - 1) * size : page * size]
        is_last = page * size >= len(names)
        link = {"Link": '<next>; rel="next"'} if self.has_links and not is_last else {}
        return 200, [{"name": name} for name in shown], link

    def _ref(self, name: str) -> Any:
        return {"ref": f"refs/heads/{name}", "object": {"sha": "0" * 40}}

    def _commit(self, name: str) -> Any:
        return {"commit": {"committer": {"date": self.branches[name]}}}


@contextmanager
def running_git_server() -> Iterator[GitServer]:
    git = GitServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # keeps connections, as GitHub does

        def do_GET(self) -> None:
            git.asked.append(self.path)
            git.tokens.append(self.headers.get("Authorization"))
            git.clients.append(self.client_address[1])
            status, body, headers = git.answer(self.path)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, **git.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    git.url = f"http://127.0.0.1:{server.server_address[1]}/api"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield git
    server.shutdown()
    thread.join()
    server.server_close()
