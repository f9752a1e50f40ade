"""Waits until a branch's environment is awake: nothing can be deployed to one that sleeps.

A build runs it as `make awake`, at the end of the synth. It wakes nothing itself: the branch hub
wakes an environment as soon as a run of its pipeline starts, and tags its ECS cluster until it is
awake. Without a hub nothing has that tag.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from lambda_src.shared.stack_tags import ASLEEP_TAG

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

READS: Final = "ecs:DescribeClusters"
MINUTES_MAX: Final = 45  # a push in the evening waits until the database has stopped, too
_LOOK_AGAIN_SECONDS: Final = 10.0
_AWS: Final = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})


def main(
    arguments: Sequence[str],
    *,
    ecs: "ECSClient | None" = None,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Exits with one line if the environment does not wake."""
    parser = argparse.ArgumentParser(prog="make awake")
    parser.add_argument("--cluster", required=True)
    cluster = parser.parse_args(arguments).cluster
    ecs = ecs or boto3.client("ecs", config=_AWS)
    waited = 0.0
    while (since := _asleep_since(ecs, cluster)) is not None:
        if waited == 0:
            _say(f"{cluster} sleeps since {since}: waiting until the branch hub has woken it")
        if waited >= MINUTES_MAX * 60:
            sys.exit(
                f"error: {cluster} still sleeps after {MINUTES_MAX} minutes: look at the notices "
                "of the branch hub, then run `make wake BRANCH=... AWS=yes` and this run again. "
                "If there is no hub any more, start the environment by hand and remove the tag "
                f"{ASLEEP_TAG} of this cluster"
            )
        wait(_LOOK_AGAIN_SECONDS)
        waited += _LOOK_AGAIN_SECONDS
    _say(f"{cluster} is awake" if waited else f"{cluster} does not sleep: nothing to wait for")


def _asleep_since(ecs: "ECSClient", cluster: str) -> str | None:
    """None: it does not sleep, or does not exist yet."""
    clusters = ecs.describe_clusters(clusters=[cluster], include=["TAGS"])["clusters"]
    tags = {t["key"]: t["value"] for found in clusters for t in found.get("tags", [])}
    return tags.get(ASLEEP_TAG)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
