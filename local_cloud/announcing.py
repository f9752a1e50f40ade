"""What the git host does after a push: it tells whoever listens, as GitHub does, and no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local_cloud.branch_hub import webhook
from local_cloud.branch_hub.deployed import Hub
from local_cloud.branch_hub.webhook import NotDelivered, Push
from local_cloud.git_host import OWNER, GitHost

# The server's clock rounds: an execution must not seem older than the push that started it.
_SLACK = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Announced:
    """A push of one branch, and when it was told. `problem`: why the hub does not know of it."""

    branch: str
    commit: str  # empty for a deletion
    told_at: datetime
    runs: tuple[str, ...] = ()  # that CodePipeline started at once
    problem: str = ""

    @property
    def is_deletion(self) -> bool:
        return not self.commit


def announce(
    git: GitHost, endpoint_url: str, hub: Hub | None, push: Push, *, tell_pipelines: bool = True
) -> Announced | None:
    """Tell CodePipeline, through its connection, and the branch hub, by webhook, of a push.

    None for what is no branch. Never raises for what a listener does.
    """
    branch = push.branch
    if not branch:
        return None
    commit = "" if push.is_deletion else push.after
    told_at = datetime.now(UTC) - _SLACK
    runs: tuple[str, ...] = ()
    if commit and tell_pipelines:
        started = git.tell_pipelines(endpoint_url, branch=branch, commit=commit)
        runs = tuple(run["execution"] for run in started)
    problem = "no branch hub is deployed: `make up` deploys it" if hub is None else ""
    if hub is not None:
        repository = f"{OWNER}/{git.repository.name.removesuffix('.git')}"
        body = webhook.payload(push, repository=repository)
        try:
            webhook.send(hub.webhook_url, webhook.sign(body, secret=hub.webhook_secret()))
        except NotDelivered as error:
            problem = str(error)
    return Announced(branch=branch, commit=commit, told_at=told_at, runs=runs, problem=problem)


def parse_updates(lines: Sequence[str]) -> list[Push]:
    """What git gives to a post-receive hook: `old new reference`, a line each."""
    fields = (line.split(maxsplit=2) for line in lines)
    return [Push(reference=ref.strip(), before=old, after=new) for old, new, ref in fields]
