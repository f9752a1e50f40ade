"""Notifies CodePipeline and the branch hub of a push, as GitHub does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local_cloud.branch_hub import webhook
from local_cloud.branch_hub.deployed import Hub
from local_cloud.branch_hub.webhook import NotDelivered, Push
from local_cloud.git_host import OWNER, GitHost

# The server rounds times: an execution must not appear older than the push that started it.
_SLACK = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Announced:
    """A push of one branch, and when it was sent. `problem`: why the hub did not receive it."""

    branch: str
    commit: str  # empty for a deletion
    sent_at: datetime
    runs: tuple[str, ...] = ()  # started by CodePipeline
    problem: str = ""

    @property
    def is_deletion(self) -> bool:
        return not self.commit


def announce(
    git: GitHost, endpoint_url: str, hub: Hub | None, push: Push, *, notify_pipelines: bool = True
) -> Announced | None:
    """Notify CodePipeline (as its connection does) and the branch hub (by webhook) of a push.

    Returns None for a reference that is not a branch. Does not raise when the hub refuses.
    """
    branch = push.branch
    if not branch:
        return None
    commit = "" if push.is_deletion else push.after
    sent_at = datetime.now(UTC) - _SLACK
    runs: tuple[str, ...] = ()
    if commit and notify_pipelines:
        started = git.notify_pipelines(endpoint_url, branch=branch, commit=commit)
        runs = tuple(run["execution"] for run in started)
    problem = "no branch hub is deployed: `make up` deploys it" if hub is None else ""
    if hub is not None:
        repository = f"{OWNER}/{git.repository.name.removesuffix('.git')}"
        body = webhook.payload(push, repository=repository)
        try:
            webhook.send(hub.webhook_url, webhook.sign(body, secret=hub.webhook_secret()))
        except NotDelivered as error:
            problem = str(error)
    return Announced(branch=branch, commit=commit, sent_at=sent_at, runs=runs, problem=problem)


def parse_updates(lines: Sequence[str]) -> list[Push]:
    """Parse the input of a post-receive hook: lines of `old new reference`."""
    fields = (line.split(maxsplit=2) for line in lines)
    return [Push(reference=ref.strip(), before=old, after=new) for old, new, ref in fields]
