"""What the subscriber of the outcome events was told about each message."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from soak.dead_letters import taken
from soak.inputs import RECEIVED_TOO_OFTEN, Message
from soak.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_TOLD_AS = {"posted": "posted", "replayed": "posted", "refused": "refused", "dead_lettered": "dead"}


def read_outcomes(sqs: "SQSClient", queue_url: str) -> dict[str, set[str]]:
    """By correlation id: `posted`, `refused`, `dead`. Empties the queue."""
    found: dict[str, set[str]] = defaultdict(set)
    for message in taken(sqs, queue_url):
        for outcome in json.loads(message["Body"])["detail"]["outcomes"]:
            found[outcome.get("correlation_id", "")].add(_TOLD_AS[outcome["result"]])
    return found


def wrong_tales(
    outcomes: Iterable[tuple[Message, str]], told: Mapping[str, set[str]]
) -> list[Problem]:
    """`outcomes`: each message with each of its outcomes."""
    problems = []
    for message, outcome in outcomes:
        kind, _, reason = outcome.partition(": ")
        if not message.has_room or reason == RECEIVED_TOO_OFTEN:  # nobody knew of it
            continue
        heard = told.get(message.correlation_id, set())
        subject = f"{message.kind}, {message.correlation_id}"
        if kind not in heard:
            problems.append(
                Problem(what=f"nobody was told that a message is {kind}", subject=subject)
            )
        if wrong := heard - {kind}:
            what = f"a message is {kind}, and was told to be {', '.join(sorted(wrong))}"
            problems.append(Problem(what=what, subject=subject))
    return problems
