"""What each command of the local cloud does; every one returns its exit code."""

import getpass
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from local_cloud import approvals, stacks
from local_cloud.announcing import announce
from local_cloud.assembly import trunk
from local_cloud.aws import AwsClients, environment
from local_cloud.branch_hub import webhook
from local_cloud.branch_hub.deployed import find_hub
from local_cloud.delivery import deliver
from local_cloud.facts import api_client, load_facts, the_environment
from local_cloud.following import follow_deletion
from local_cloud.git_host import GitHost, current_branch, is_dirty
from local_cloud.paths import ROOT, CloudPaths
from local_cloud.pipeline.executions import execution_states
from local_cloud.removal import remove_branch
from local_cloud.retry import run_again
from local_cloud.server import (
    CloudError,
    RunningCloud,
    exclusive,
    running_cloud,
    start_cloud,
    stop_cloud,
)
from local_cloud.task_output import show_task_output

_PIPED_WIDTH = 200  # columns; nothing is cut for a program that reads it


def up(paths: CloudPaths, *, promotion: str) -> int:
    """Start the cloud where it does not run, and deliver the checkout's current commit."""
    busy = "another `make up` is running for this state folder: wait for it, or stop it first"
    with exclusive(paths, "up", busy=busy):
        started = time.monotonic()
        cloud = start_cloud(paths)
        print(
            f"local cloud: {cloud.endpoint_url} (process {cloud.pid}, "
            f"log {paths.server_log}), ready after {time.monotonic() - started:.1f} s"
        )
        git = GitHost(paths.repository, state=paths.state)
        git.ensure()
        git.add_remote(ROOT)
        if is_dirty(ROOT):
            print("note: uncommitted changes are not delivered, only commits are")
        branch, commit = git.push_head(ROOT)
        is_green = deliver(paths, cloud, git, branch=branch, commit=commit, promotion=promotion)
        print(f"make up took {time.monotonic() - started:.0f} s")
        return 0 if is_green else 1


def down(paths: CloudPaths) -> int:
    print("stopped" if stop_cloud(paths) else "nothing was running")
    return 0


def clean(paths: CloudPaths) -> int:
    """Stop everything and remove the state folder with all that was delivered into it."""
    down(paths)
    shutil.rmtree(paths.state, ignore_errors=True)
    return 0


def destroy(paths: CloudPaths, *, branch: str) -> int:
    """Unmake a branch's environment and pipeline, through the branch hub; the branch goes, too."""
    cloud = _running(paths)
    branch = branch or current_branch(ROOT)
    hub = find_hub(AwsClients(cloud.endpoint_url))
    if branch == trunk():
        # The hub protects the trunk from every event; a person may unmake it all the same.
        remove_branch(paths, cloud, branch=branch)
        if hub is not None:
            hub.forget(branch)
        return 0
    git = GitHost(paths.repository, state=paths.state)
    git.drop(branch)
    push = announce(git, cloud.endpoint_url, hub, webhook.deleted(branch))
    assert push is not None, "a branch was deleted"
    return 0 if follow_deletion(paths, cloud, hub, push) else 1


def approve(paths: CloudPaths, *, branch: str, answer: str) -> int:
    """Answer the approval that the branch's pipeline waits for."""
    branch = branch or current_branch(ROOT)
    pipeline = stacks.find_pipeline(paths, branch)
    if pipeline is None:
        raise CloudError(f"branch {branch} has no pipeline: `make up` makes one")
    if not answer and not sys.stdin.isatty():
        raise CloudError("nobody is there to ask: say ANSWER=yes or ANSWER=no")
    approvals.approve(paths.state, pipeline.name, answer=answer, ask=input)
    return 0


def retry(paths: CloudPaths, *, branch: str) -> int:
    """Run a branch's newest commit again and show the run, as a push does."""
    return 0 if run_again(paths, _running(paths), branch=branch or current_branch(ROOT)) else 1


def session(paths: CloudPaths, *, suffix: str) -> int:
    """Open a session and print shell assignments of API, CA and TOKEN, for `eval`."""
    facts = the_environment(paths, suffix=suffix)
    answer = requests.post(
        f"{facts['ApiUrl']}/sessions",
        auth=api_client(facts, _running(paths)),
        json={"user_id": getpass.getuser()},
        verify=facts.get("certificate_file", True),
        timeout=10,
    )
    if answer.status_code != 201:
        raise CloudError(f"no session: {answer.status_code} {answer.text}")
    values = {
        "API": facts["ApiUrl"],
        "CA": facts.get("certificate_file", ""),
        "TOKEN": answer.json()["token"],
    }
    print(" ".join(f"{name}={shlex.quote(value)}" for name, value in values.items()))
    return 0


def show_api_client(paths: CloudPaths, *, suffix: str) -> int:
    """Print with what a browser signs in at the API's pages."""
    facts = the_environment(paths, suffix=suffix)
    client_id, secret = api_client(facts, _running(paths))
    print(f"page       {facts['ApiDocsUrl']}\nuser name  {client_id}\npassword   {secret}")
    return 0


def check_roles(paths: CloudPaths, *, suffix: str) -> int:
    """Ask this cloud's IAM about the roles of an environment, as `scripts.check_roles` asks AWS."""
    facts = the_environment(paths, suffix=suffix)
    return subprocess.run(
        [sys.executable, "-m", "scripts.check_roles", facts["suffix"]],
        cwd=ROOT,
        env={**os.environ, **environment(_running(paths).endpoint_url)},
        check=False,
    ).returncode


def status(paths: CloudPaths) -> int:
    cloud = running_cloud(paths)
    if cloud is None:
        print("the local cloud is not running: `make up` starts it")
        return 0
    console = _console()
    console.print(f"local cloud: {cloud.endpoint_url}, process {cloud.pid}")
    console.print(_branches(paths, cloud))
    tasks = Table("environment", "API", "service", "task", "zone", "address", "state", box=None)
    for facts in load_facts(paths):
        for file in sorted(paths.services.glob(f"*{facts['suffix']}*.json")):
            for task in json.loads(file.read_text()):
                tasks.add_row(
                    facts["suffix"], facts["ApiUrl"], file.stem, task["id"][:8], task["zone"],
                    task["address"], task["state"],
                )  # fmt: skip
    console.print(tasks)
    console.print(_databases(paths))
    return 0


def _branches(paths: CloudPaths, cloud: RunningCloud) -> Table:
    """A row for each branch that has a pipeline, or that the branch hub remembers."""
    hub = find_hub(AwsClients(cloud.endpoint_url))
    known = {r["suffix"]: r for r in (hub.environments() if hub is not None else [])}
    table = Table(
        "branch", "environment", "state", "expires", "last run", "commit", "seconds", box=None
    )
    for pipeline in stacks.deployed_pipelines(paths):
        suffix = next((s for s in known if pipeline.name.endswith(f"-{s}")), "")
        record = known.pop(suffix, {})
        last = next(iter(execution_states(paths.state, pipeline.name)), None)
        table.add_row(
            pipeline.branch, suffix or pipeline.name, record.get("state", ""),
            record.get("expires_at", "never"), *_run_cells(last),
        )  # fmt: skip
    for suffix, record in known.items():
        branch, expires = record.get("branch", ""), record.get("expires_at", "")
        table.add_row(branch, suffix, record["state"], expires, "", "", "")
    return table


def logs(paths: CloudPaths, *, follow: bool) -> int:
    """Print the logs of all tasks."""
    _running(paths)
    show_task_output(paths, follow=follow)
    return 0


def _databases(paths: CloudPaths) -> Table:
    table = Table("database", "role", "zone", "address", "state", box=None)
    for file in sorted(paths.databases.glob("*.json")):
        for server in json.loads(file.read_text()):
            table.add_row(*(server[k] for k in ("instance", "role", "zone", "address", "state")))
    return table


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)


def _running(paths: CloudPaths) -> RunningCloud:
    cloud = running_cloud(paths)
    if cloud is None:
        raise CloudError("the local cloud is not running: `make up` starts it")
    return cloud


def _run_cells(state: dict[str, Any] | None) -> tuple[str, str, str]:
    if state is None:
        return "never ran", "", ""
    seconds = (state.get("ended") or time.time()) - state["started"]
    return state["status"], state["commit"][:12], f"{seconds:.0f}"
