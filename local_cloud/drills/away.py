"""Drill: SQS and S3 are away for a minute under load. What was acknowledged arrives afterwards.

Every request to them is refused, and functions get no messages. S3 stays away longer than SQS, so
that the audit writer is called while it cannot write.

make drill-away
"""

import sys
import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.aws import AwsClients
from local_cloud.drills.audited_rehearsal import rehearse_audited
from local_cloud.drills.findings import Findings
from local_cloud.drills.rehearsal import Outcome, Scene
from local_cloud.outages import Outages
from local_cloud.server import CloudError, running_cloud

_BOTH_AWAY_SECONDS = 40.0
_S3_AWAY_LONGER_SECONDS = 20.0


def away(
    scene: Scene,
    *,
    both_seconds: float = _BOTH_AWAY_SECONDS,
    s3_seconds: float = _S3_AWAY_LONGER_SECONDS,
) -> Outcome:
    cloud = running_cloud(scene.paths)
    if cloud is None:
        raise CloudError("the drill needs a live environment: run `make up` first")
    aws = AwsClients(cloud.endpoint_url)
    return switch_off(
        scene,
        asks={"sqs": aws.sqs.list_queues, "s3": aws.s3.list_buckets},
        both_seconds=both_seconds,
        s3_seconds=s3_seconds,
    )


def switch_off(
    scene: Scene, *, asks: dict[str, Callable[[], object]], both_seconds: float, s3_seconds: float
) -> Outcome:
    """`asks`: a request to each of `sqs` and `s3`, which must be refused while it is away."""
    refused = dict.fromkeys(asks, True)

    def look(*names: str) -> None:
        for name in names:
            refused[name] &= _is_refused(asks[name])

    outages = Outages(scene.paths.outages)
    findings = Findings()
    tasks = {task["id"] for task in scene.healthy_tasks()}
    began = time.monotonic()
    with outages.of("s3"):
        with outages.of("sqs"):
            print(f"SQS and S3 are away for {both_seconds:.0f} s")
            look("sqs", "s3")
            time.sleep(both_seconds)
            look("sqs", "s3")
        print(f"SQS is back, S3 is away for {s3_seconds:.0f} s more")
        time.sleep(s3_seconds)
        look("s3")
    back = time.monotonic()
    for name, was_refused in refused.items():
        findings.expect(f"requests to {name} were refused while it was away", holds=was_refused)
    scene.wait_until(
        lambda: not any(_is_refused(ask) for ask in asks.values()), "SQS and S3 answer again"
    )
    findings.expect(
        "no task was replaced: their health does not depend on SQS and S3",
        holds=tasks <= {task["id"] for task in scene.healthy_tasks()},
    )
    return Outcome(
        broke_at=began,
        recovery=f"SQS was away for {both_seconds:.0f} s, S3 for {back - began:.0f} s",
        findings=findings,
    )


def _is_refused(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (BotoCoreError, ClientError):
        return True
    return False


if __name__ == "__main__":
    sys.exit(rehearse_audited(away))
