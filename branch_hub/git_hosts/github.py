"""GitHub, or what speaks like it, as the place where branches are."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from branch_hub.git_hosts.git_host import HostUnavailable

_TIMEOUT_SECONDS: Final = 10.0
_PAGE_SIZE: Final = 100
_PAGES_MAX: Final = 1000
_ANSWER_BYTES_MAX: Final = 5_000_000
_NEXT: Final = 'rel="next"'
_LOOPBACK: Final = ("127.0.0.1", "localhost")


class GitHubHost:
    """`token` gives the bearer token at each call, or nothing for a public repository."""

    def __init__(self, *, api_url: str, repository: str, token: Callable[[], str]) -> None:
        parts = urlsplit(api_url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ValueError(
                f"GitHub's address is {api_url!r}: a token only travels over https, "
                "or to this machine"
            )
        self._url = f"{api_url.rstrip('/')}/repos/{repository}"
        self._repository = repository
        self._token = token
        self._opener = build_opener(_NoRedirects)

    def exists(self, branch: str) -> bool:
        status, body, _ = self._get(f"/git/ref/heads/{quote(branch)}", expected=(200, 404))
        if status == 404:
            # Also the answer for a repository that the token may not see: then nothing is gone.
            self._get("", expected=(200,))
            return False
        if isinstance(body, list):  # older servers list what begins with the name instead
            return any(_ref(item) == f"refs/heads/{branch}" for item in body)
        if _ref(body) != f"refs/heads/{branch}":
            raise HostUnavailable(f"{self._repository}: asked for {branch!r}, got another ref")
        return True

    def branches(self) -> Iterator[str]:
        for page in range(1, _PAGES_MAX + 1):
            path = f"/branches?per_page={_PAGE_SIZE}&page={page}"
            _, body, headers = self._get(path, expected=(200,))
            if not isinstance(body, list):
                raise HostUnavailable(f"{self._repository}: the list of branches is no list")
            for item in body:
                yield self._name(item)
            if len(body) < _PAGE_SIZE and _NEXT not in headers.get("Link", ""):
                return
        raise HostUnavailable(f"{self._repository}: more than {_PAGES_MAX} pages of branches")

    def last_commit_at(self, branch: str) -> datetime:
        _, body, _ = self._get(f"/commits/heads/{quote(branch)}", expected=(200,))
        try:
            moment = datetime.fromisoformat(body["commit"]["committer"]["date"])
            return moment.astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            raise HostUnavailable(
                f"{self._repository}: the last commit of {branch!r} has no date"
            ) from None

    def _name(self, item: Any) -> str:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            raise HostUnavailable(f"{self._repository}: a branch in the list has no name")
        return name

    def _get(self, path: str, *, expected: tuple[int, ...]) -> tuple[int, Any, Mapping[str, str]]:
        request = Request(f"{self._url}{path}", headers=self._headers())
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                status, headers = answer.status, dict(answer.headers.items())
                content = answer.read(_ANSWER_BYTES_MAX)
        except HTTPError as error:
            error.close()
            status, headers, content = error.code, dict(error.headers.items()), b"null"
        except (OSError, HTTPException) as error:
            raise HostUnavailable(f"{self._repository}{path}: {error}") from None
        if status not in expected:
            raise HostUnavailable(f"{self._repository}{path}: answered {status}{_advice(status)}")
        try:
            return status, json.loads(content), headers
        except ValueError:
            raise HostUnavailable(f"{self._repository}{path}: the answer is no JSON") from None

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "transaction-pipeline-branch-hub",
        }
        if token := self._token():
            headers["Authorization"] = f"Bearer {token}"
        return headers


class _NoRedirects(HTTPRedirectHandler):
    """urllib would carry the token along to wherever a redirect leads."""

    def redirect_request(self, *_: Any) -> None:
        return None


_ADVICE: Final = {
    301: "the repository has moved: set source.repository to its new name",
    401: "the token is not valid: put another one into the hub's secret",
    403: "the token may not read this, or the rate limit is reached",
    404: "there is no such repository, or the token may not see it",
    429: "the rate limit is reached",
}


def _advice(status: int) -> str:
    return f" ({_ADVICE[status]})" if status in _ADVICE else ""


def _ref(body: Any) -> str | None:
    ref = body.get("ref") if isinstance(body, dict) else None
    return ref if isinstance(ref, str) else None
