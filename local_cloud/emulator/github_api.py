"""The part of GitHub's REST API that the branch hub calls: branches and their last commits."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from local_cloud.git_host import OWNER, GitHost

_PER_PAGE = 30  # GitHub's default; at most 100
_PER_PAGE_MAX = 100


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class GitHubApi:
    """Answers for the bare repositories of the git host, owned by `local`."""

    def __init__(self, *, git_root: Path, state_dir: Path, base_url: str) -> None:
        self._git_root = git_root
        self._state_dir = state_dir
        self._base_url = base_url

    def get(self, raw_path: str, query: dict[str, str]) -> Answer:
        """`raw_path` starts with `/repos/` and is URL-encoded."""
        match = re.fullmatch(rf"/repos/{OWNER}/([A-Za-z0-9._-]+)(/.*)?", raw_path)
        repository = self._git_root / f"{match[1]}.git" if match else None
        # GitHub also answers 404 for a repository that the caller may not read.
        if match is None or repository is None or not repository.is_dir():
            return _not_found()
        host = GitHost(repository, state=self._state_dir)
        branches = host.branches()
        rest = match[2] or ""
        if rest == "":
            return Answer(status=200, body={"full_name": f"{OWNER}/{match[1]}"})
        if rest == "/branches":
            return self._page(match[1], branches, query)
        if rest.startswith("/git/ref/heads/"):
            name = unquote(rest.removeprefix("/git/ref/heads/"))
            if name in branches:
                return Answer(status=200, body=_reference(name, branches[name]))
        if rest.startswith("/commits/heads/"):
            name = unquote(rest.removeprefix("/commits/heads/"))
            if name in branches:
                committer = {"date": host.committed_at(branches[name])}
                body = {"sha": branches[name], "commit": {"committer": committer}}
                return Answer(status=200, body=body)
        return _not_found()

    def _page(self, name: str, branches: dict[str, str], query: dict[str, str]) -> Answer:
        size = min(int(query.get("per_page") or _PER_PAGE), _PER_PAGE_MAX)
        page = int(query.get("page") or 1)
        items = sorted(branches.items())
        shown = items[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(items):
            url = f"{self._base_url}/repos/{OWNER}/{name}/branches"
            headers["link"] = f'<{url}?per_page={size}&page={page + 1}>; rel="next"'
        body = [{"name": branch, "commit": {"sha": commit}} for branch, commit in shown]
        return Answer(status=200, body=body, headers=headers)


def _reference(branch: str, commit: str) -> dict[str, Any]:
    return {"ref": f"refs/heads/{branch}", "object": {"type": "commit", "sha": commit}}


def _not_found() -> Answer:
    return Answer(status=404, body={"message": "Not Found"})
