"""Creates the git host that the settings name. A new host is one line here."""

import json
from collections.abc import Callable
from typing import Any, Final

from branch_hub.git_hosts.codecommit import CodeCommitHost
from branch_hub.git_hosts.git_host import GitHost, HostAccess
from branch_hub.git_hosts.github import GitHubHost

# By the kind of the source.
_HOSTS: Final[dict[str, Callable[[HostAccess], GitHost]]] = {
    "github": GitHubHost.connect,
    "codecommit": CodeCommitHost.connect,
}


def connect_host(
    settings: str,
    *,
    repository: str,
    secret: Callable[[str], str],
    client: Callable[[str], Any],
) -> GitHost:
    """`settings` is the JSON of a source's `host_settings`. Raises ValueError for another kind."""
    fields = json.loads(settings)
    if (kind := fields["kind"]) not in _HOSTS:
        raise ValueError(f"GIT_HOST has kind {kind!r}: it must be one of {', '.join(_HOSTS)}")
    return _HOSTS[kind](
        HostAccess(settings=fields, repository=repository, secret=secret, client=client)
    )
