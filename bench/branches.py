"""Measures the branch hub with many branches: time, calls and resources.

    make bench-branches

Uses its own local cloud, with the stacks and records of 50 and more branches, and writes
`bench/results/branches.md`.
"""

import datetime as dt
import hashlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3

from bench.pictures.branches import BRANCHES, Branches
from bench.pictures.record import RESULTS
from bench.run_description import as_plain_text, described
from branch_hub.functions.reconciler import entrypoint
from branch_hub.functions.reconciler.settings import BranchReconcilerSettings
from branch_hub.functions.shared.lifecycle_settings import NO_SCHEDULE
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.stacks import APPLICATION, stack_names
from lambda_src.shared.branch_suffix import suffix_of_branch
from local_cloud.aws import environment
from local_cloud.paths import ROOT, CloudPaths
from local_cloud.server import start_cloud, stop_cloud

REPOSITORY = "acme/transaction-pipeline"
COUNTS = (10, 25, 50, 100)
PROMISED = 50
AIM_SECONDS = 10
_RUNS = 5
_SYNTHS = 3
_NAME = "bench"
_TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


def main() -> int:
    logging.disable(logging.INFO)  # log lines of the reconciler, one for each branch
    hub_rows = list(_hub())
    with tempfile.TemporaryDirectory(prefix="bench-branches-") as folder:
        paths = CloudPaths(Path(folder))
        cloud = start_cloud(paths)
        try:
            with _git_host() as (url, branches):
                reconciler_rows = list(_reconciler(cloud.endpoint_url, url, branches))
        finally:
            stop_cloud(paths)
    report = _report(hub_rows, reconciler_rows)
    (RESULTS / "branches.md").write_text(report)
    BRANCHES.write(_record(reconciler_rows))
    print(report)
    return 0


def _hub() -> Iterator[tuple[str, str, str]]:
    """Synth time and resources of the hub, and whether two branches give the same template."""
    seconds, templates = [], []
    for number in range(1, _SYNTHS + 1):
        with tempfile.TemporaryDirectory(prefix="bench-synth-") as out:
            started = time.monotonic()
            _output(
                *("npx", "--no-install", "cdk", "synth", "--quiet", "--output", out),
                *("-c", "hub=only", "-c", f"branch=feature/{number * PROMISED}"),
            )
            seconds.append(time.monotonic() - started)
            (template,) = Path(out).glob("BranchHub-*.template.json")
            templates.append(template.read_bytes())
    count = len(json.loads(templates[0])["Resources"])
    is_same = len({hashlib.sha256(template).hexdigest() for template in templates}) == 1
    yield "synth of the hub alone", f"{statistics.median(seconds):.1f} s", ""
    yield "resources of the hub", str(count), "the same for any number of branches"
    yield "its template, seen from different branches", "same" if is_same else "DIFFERS", "same"


def _reconciler(
    endpoint: str, git_url: str, branches: list[str]
) -> Iterator[tuple[int, float, int]]:
    """Seconds and calls of a run for each number of branches. Half of the branches are deleted."""
    os.environ.update(environment(endpoint))
    settings = _settings(git_url)
    os.environ.update(settings.to_env())
    cloudformation = boto3.client("cloudformation")
    registry = Registry(table=boto3.resource("dynamodb").Table(_NAME))
    calls: list[str] = []
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    events = boto3.DEFAULT_SESSION._session.get_component("event_emitter")
    events.register("before-send", lambda **_: calls.append("call"))
    made = 0
    for count in COUNTS:
        for number in range(made, count):
            branch = f"feature/simulated-{number}"
            _simulate(branch, cloudformation, registry)
            if number % 2:
                branches.append(branch)
        made = count
        entrypoint.handler({"apply": False}, None)
        seconds = []
        for _ in range(_RUNS):
            calls.clear()
            started = time.monotonic()
            answer = entrypoint.handler({"apply": False}, None)
            seconds.append(time.monotonic() - started)
        assert sum(s["action"] == "destroy" for s in answer["plan"]) == count // 2 + count % 2
        yield count, statistics.median(seconds), len(calls)


def _simulate(branch: str, cloudformation: Any, registry: Registry) -> None:
    """Create two stacks and a record: the reconciler reads only these of an environment."""
    suffix, now = suffix_of_branch(branch), dt.datetime.now(dt.UTC)
    tags = {"application": APPLICATION, "environment-suffix": suffix}
    for name in stack_names(suffix):
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=_TEMPLATE,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
    for name in stack_names(suffix):
        while _status(cloudformation, name) != "CREATE_COMPLETE":
            time.sleep(0.05)
    expires_at = now + dt.timedelta(days=7)
    registry.extend(suffix, branch=branch, commit=None, now=now, expires_at=expires_at)


def _status(cloudformation: Any, name: str) -> str:
    return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


def _settings(git_url: str) -> BranchReconcilerSettings:
    """Create what a reconciler needs besides environments."""
    boto3.client("dynamodb").create_table(
        TableName=_NAME,
        KeySchema=[{"AttributeName": "suffix", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "suffix", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    boto3.client("events").create_event_bus(Name=_NAME)
    secret = boto3.client("secretsmanager").create_secret(Name=_NAME, SecretString="{}")
    return BranchReconcilerSettings(
        git_host=json.dumps({"kind": "github", "api_url": git_url}),
        repository=REPOSITORY,
        hub_secret_arn=secret["ARN"],
        branch_table_name=_NAME,
        event_bus_name=_NAME,
        notices_topic_arn=boto3.client("sns").create_topic(Name=_NAME)["TopicArn"],
        trunk="main",
        protected_branches="[]",
        environment_quota=2 * max(COUNTS),
        branch_needs="{}",
        trunk_needs="{}",
        lifetime_days=14,
        sleeps_until=NO_SCHEDULE,
    )


@contextmanager
def _git_host() -> Iterator[tuple[str, list[str]]]:
    """GitHub's list of branches in pages, and the underlying list."""
    branches = ["main"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            page, size = int(query["page"][0]), int(query["per_page"][0])
            shown = branches[(page - 1) * size : page * size]
            content = json.dumps([{"name": name} for name in shown]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", branches
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def _record(reconciler: list[tuple[int, float, int]]) -> Branches:
    return Branches(
        run=as_plain_text("make bench-branches"),
        counts=[count for count, _, _ in reconciler],
        seconds=[seconds for _, seconds, _ in reconciler],
        calls=[calls for _, _, calls in reconciler],
        aim_seconds=AIM_SECONDS,
        aim_count=PROMISED,
    )


def _report(hub: list[tuple[str, str, str]], reconciler: list[tuple[int, float, int]]) -> str:
    lines = [
        "# The branch hub with many branches",
        "",
        f"{described('make bench-branches')}.",
        "",
        "| what | seen | aim |",
        "|---|---|---|",
        *(f"| {what} | {seen} | {aim} |" for what, seen, aim in hub),
        "",
        f"One run of the reconciler (median of {_RUNS}) against the local cloud: two stacks and a "
        "record for each branch, half of the branches gone. AWS answers slower than the local "
        "cloud and in pages of the same kind: the number of calls is what grows there.",
        "",
        "| branches | seconds | calls to AWS | aim |",
        "|---|---|---|---|",
        *(
            f"| {count} | {seconds:.2f} | {calls} | "
            f"{f'under {AIM_SECONDS} s' if count == PROMISED else ''} |"
            for count, seconds, calls in reconciler
        ),
        "",
        "![Seconds and calls by the number of branches](branches.svg)",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
