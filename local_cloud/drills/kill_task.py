"""Drill: `kill -9` of a service task under load. It is replaced; nothing acknowledged is missing.

make drill-kill-task
"""

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from local_cloud.drills.acknowledgements import Api, Stream
from local_cloud.facts import api_client, the_environment
from local_cloud.paths import CloudPaths, state_dir
from local_cloud.server import CloudError, running_cloud

_LOAD_SECONDS = 3.0
_REPLACED_TIMEOUT_SECONDS = 60.0


def main() -> int:
    paths = CloudPaths(state_dir())
    cloud = running_cloud(paths)
    if cloud is None:
        raise CloudError("the drill needs a live environment: run `make up` first")
    facts = the_environment(paths)
    client_id, client_secret = api_client(facts, cloud)
    with tempfile.TemporaryDirectory() as folder:
        stream = Stream(
            api=Api(
                url=facts["ApiUrl"],
                certificate_file=facts["certificate_file"],
                client_id=client_id,
                client_secret=client_secret,
            ),
            log_file=Path(folder) / "acknowledged",
        )
        before = _healthy_tasks(paths, facts["suffix"])
        stream.start()
        time.sleep(_LOAD_SECONDS)
        victim = before[0]
        os.kill(victim["pid"], signal.SIGKILL)
        killed = time.monotonic()
        print(f"killed task {victim['id'][:8]} in zone {victim['zone']}")
        seconds = _wait_for_replacement(paths, facts["suffix"], victim, len(before)) - killed
        time.sleep(_LOAD_SECONDS)
        acknowledged = stream.stop()
        missing = stream.missing(acknowledged)
        balances = stream.balances_minor()
    print(
        f"replaced after {seconds:.1f} s; {len(acknowledged)} acknowledged, "
        f"{stream.retries} retried, {len(missing)} missing, {len(stream.failures)} never answered"
    )
    # Every client asks until it has its answer: each cent on the last account is one of these.
    is_exact = balances[-1] == len(acknowledged) and sum(balances) == 0
    if missing or stream.failures or not is_exact:
        print(f"FAILED: missing {missing[:5]}, failures {stream.failures[:5]}, {balances}")
        return 1
    print("nothing acknowledged is missing, and the books balance")
    return 0


def _healthy_tasks(paths: CloudPaths, suffix: str) -> list[dict[str, Any]]:
    tasks = [
        task
        for file in paths.services.glob(f"*{suffix}*.json")
        for task in json.loads(file.read_text())
    ]
    return [t for t in tasks if t["state"] == "healthy"]


def _wait_for_replacement(
    paths: CloudPaths, suffix: str, victim: dict[str, Any], count: int
) -> float:
    deadline = time.monotonic() + _REPLACED_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        tasks = _healthy_tasks(paths, suffix)
        if len(tasks) == count and victim["id"] not in {t["id"] for t in tasks}:
            return time.monotonic()
        time.sleep(0.05)
    raise CloudError(f"task {victim['id']} was not replaced in {_REPLACED_TIMEOUT_SECONDS:.0f} s")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CloudError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
