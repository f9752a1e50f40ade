"""FilterLogEvents of the local cloud finds lines with one of several terms, as on AWS."""

import time

import pytest

from local_cloud.aws import AwsClients

GROUP = "/patterns"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ('?"a-1" ?"b-2"', ["first a-1", "then b-2"]),
        ("?first ?neither", ["first a-1"]),
        ('"first" "a-1"', ["first a-1"]),
        ('"a-1" "b-2"', []),
    ],
)
def test_terms_with_a_question_mark_are_alternatives(
    shared_aws: AwsClients, pattern: str, found: list[str]
) -> None:
    logs = shared_aws.logs
    group = f"{GROUP}-{time.monotonic_ns()}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    lines = ["first a-1", "then b-2", "other c-3"]
    events = [{"timestamp": now + place, "message": line} for place, line in enumerate(lines)]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)  # type: ignore[arg-type]
    answer = logs.filter_log_events(logGroupName=group, filterPattern=pattern)
    assert [event["message"] for event in answer["events"]] == found
