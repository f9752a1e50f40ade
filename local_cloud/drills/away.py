"""Drill: SQS and S3 are away for a minute under load. What was acknowledged arrives afterwards.

Every request to them is refused, and functions get no messages. S3 stays away longer than SQS,
until the audit writer was called and could not write.

make drill-away
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.aws import AwsClients
from local_cloud.drills.audited_rehearsal import rehearse_audited
from local_cloud.drills.findings import Findings
from local_cloud.drills.rehearsal import Outcome, Scene
from local_cloud.outages import Outages
from local_cloud.server import CloudError, running_cloud

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_BOTH_AWAY_SECONDS: Final = 40.0
# The relays send again within 30 s, which is their longest pause; then the writer is called.
_S3_AWAY_LONGER_SECONDS_MAX: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.5
_COULD_NOT_WRITE: Final = "batches not archived"  # the line of the audit writer


def away(scene: Scene) -> Outcome:
    cloud = running_cloud(scene.paths)
    if cloud is None:
        raise CloudError("the drill needs a live environment: run `make up` first")
    aws = AwsClients(cloud.endpoint_url)
    return switch_off(
        scene,
        asks={"sqs": aws.sqs.list_queues, "s3": aws.s3.list_buckets},
        could_not_write=lambda since: could_not_write(
            aws.logs, function=f"audit-writer-{scene.suffix}", since=since
        ),
    )


def switch_off(
    scene: Scene,
    *,
    asks: dict[str, Callable[[], object]],
    could_not_write: Callable[[datetime], bool],
    both_seconds: float = _BOTH_AWAY_SECONDS,
    s3_seconds_max: float = _S3_AWAY_LONGER_SECONDS_MAX,
) -> Outcome:
    """`asks`: a request to each of `sqs` and `s3`, which must be refused while it is away.

    `could_not_write`: whether the audit writer was called since then and could not write.
    """
    refused = dict.fromkeys(asks, True)

    def look(*names: str) -> None:
        for name in names:
            refused[name] &= _is_refused(asks[name])

    outages = Outages(scene.paths.outages)
    findings = Findings()
    tasks = {task["id"] for task in scene.healthy_tasks()}
    began = scene.faults.begins("SQS and S3 refuse every request")
    with outages.of("s3"):
        with outages.of("sqs"):
            print(f"SQS and S3 are away for {both_seconds:.0f} s")
            look("sqs", "s3")
            time.sleep(both_seconds)
            look("sqs", "s3")
            since = datetime.now(UTC)
        scene.faults.ends("SQS answers again")
        scene.faults.begins("S3 still refuses every request")
        print("SQS is back, S3 is away until the audit writer could not write")
        was_called = _is_seen(lambda: could_not_write(since), within_seconds=s3_seconds_max)
        look("s3")
    back = time.monotonic()
    scene.faults.ends("S3 answers again", at=back)
    findings.expect(
        "the audit writer was called while S3 was away, and could not write",
        holds=was_called,
        found=f"it has not logged `{_COULD_NOT_WRITE}` within {s3_seconds_max:.0f} s",
    )
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


def could_not_write(logs: "CloudWatchLogsClient", *, function: str, since: datetime) -> bool:
    """Whether the audit writer has logged since then that it could not write.

    Raises CloudError if its log cannot be read.
    """
    try:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{function}",
            startTime=int(since.timestamp() * 1000),
            filterPattern=f'"{_COULD_NOT_WRITE}"',
        )
        return any(page["events"] for page in pages)
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"the log of {function} cannot be read: {error}") from error


def _is_seen(condition: Callable[[], bool], *, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN_SECONDS)
    return True


def _is_refused(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (BotoCoreError, ClientError):
        return True
    return False


if __name__ == "__main__":
    sys.exit(rehearse_audited(away, drill="away"))
