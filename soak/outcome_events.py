"""What the outcome events said about each message, as their subscriber received them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from soak.dead_letters import taken
from soak.message import RECEIVED_TOO_OFTEN, Message
from soak.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_KIND_OF = {"posted": "posted", "replayed": "posted", "refused": "refused", "dead_lettered": "dead"}


def read_outcome_events(sqs: "SQSClient", queue_url: str) -> dict[str, set[str]]:
    """By correlation id: `posted`, `refused`, `dead`. Empties the queue."""
    found: dict[str, set[str]] = defaultdict(set)
    for message in taken(sqs, queue_url):
        for outcome in json.loads(message["Body"])["detail"]["outcomes"]:
            found[outcome.get("correlation_id", "")].add(_KIND_OF[outcome["result"]])
    return found


def wrong_outcome_events(
    outcomes: Iterable[tuple[Message, str]], events: Mapping[str, set[str]]
) -> list[Problem]:
    """`outcomes`: each message with each of its outcomes."""
    problems = []
    for message, outcome in outcomes:
        kind, _, reason = outcome.partition(": ")
        if not message.has_room or reason == RECEIVED_TOO_OFTEN:  # SQS moved it: no event
            continue
        said = events.get(message.correlation_id, set())
        subject = f"{message.kind}, {message.correlation_id}"
        if kind not in said:
            problems.append(
                Problem(what=f"a message is {kind}, and no event said so", subject=subject)
            )
        if wrong := said - {kind}:
            what = f"a message is {kind}, and its event said {', '.join(sorted(wrong))}"
            problems.append(Problem(what=what, subject=subject))
    return problems
