"""`make status`: branches, tasks and databases of the running local cloud."""

import json
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from local_cloud import stacks
from local_cloud.aws import AwsClients
from local_cloud.branch_hub.deployed import find_hub
from local_cloud.environments import deployed_environments
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.executions import execution_states
from local_cloud.server import RunningCloud

_PIPED_WIDTH = 200  # columns; wide, so that a program that reads them gets whole values


def show_status(paths: CloudPaths, cloud: RunningCloud) -> None:
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    console = Console(width=width, highlight=False)
    console.print(f"local cloud: {cloud.endpoint_url}, process {cloud.pid}")
    console.print(_branches(paths, cloud))
    console.print(_tasks(paths, cloud))
    console.print(_databases(paths))


def _branches(paths: CloudPaths, cloud: RunningCloud) -> Table:
    """A row for each branch that has a pipeline, or a record at the branch hub."""
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
            pipeline.branch, suffix or pipeline.name, _state(record),
            record.get("expires_at", "never"), *_run_cells(last),
        )  # fmt: skip
    for suffix, record in known.items():
        branch, expires = record.get("branch", ""), record.get("expires_at", "")
        table.add_row(branch, suffix, _state(record), expires, "", "", "")
    return table


def _tasks(paths: CloudPaths, cloud: RunningCloud) -> Table:
    table = Table("environment", "API", "service", "task", "zone", "address", "state", box=None)
    for facts in deployed_environments(paths, cloud):
        for file in sorted(paths.services.glob(f"*{facts['suffix']}*.json")):
            for task in json.loads(file.read_text()):
                table.add_row(
                    facts["suffix"], facts["ApiUrl"], file.stem, task["id"][:8], task["zone"],
                    task["address"], task["state"],
                )  # fmt: skip
    return table


def _databases(paths: CloudPaths) -> Table:
    table = Table("database", "role", "zone", "address", "state", box=None)
    for file in sorted(paths.databases.glob("*.json")):
        for server in json.loads(file.read_text()):
            table.add_row(*(server[k] for k in ("instance", "role", "zone", "address", "state")))
    return table


def _state(record: dict[str, str]) -> str:
    """Also since when it sleeps, and when it wakes: `live, asleep since ... until ...`."""
    state = record.get("state", "")
    if not record.get("sleeping"):
        return state
    doing = {"sleep": ", falls asleep", "wake": ", wakes"}.get(record.get("lock_purpose", ""), "")
    return f"{state}, asleep {record['sleeping'].replace(', until', ' until')}{doing}"


def _run_cells(state: dict[str, Any] | None) -> tuple[str, str, str]:
    if state is None:
        return "never ran", "", ""
    seconds = (state.get("ended") or time.time()) - state["started"]
    return state["status"], state["commit"][:12], f"{seconds:.0f}"
