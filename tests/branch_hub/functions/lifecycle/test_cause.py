"""The recorded and reported cause of a failure is one sentence, not the record of a build."""

import json
from typing import Any

import pytest

from branch_hub.functions.lifecycle.cause import in_one_sentence
from tests.branch_hub.functions.lifecycle.conftest import Hub
from tests.branch_hub.functions.lifecycle.test_claim import live
from tests.branch_hub.functions.lifecycle.test_outcome import made

LOG = "https://console.aws.amazon.com/cloudwatch/home#logEvent:group=/aws/codebuild/x"
FAILED = "Error while executing command: make setup. Reason: exit status 2"


def build(**changes: Any) -> str:
    """As Step Functions spells a CodeBuild record, with what takes up most of the room."""
    record = {
        "Id": "branch-pipelines:1",
        "BuildStatus": "FAILED",
        "Environment": {"EnvironmentVariables": [{"Name": "x" * 500, "Value": "y" * 500}]},
        "Phases": [
            {"PhaseType": "SUBMITTED", "PhaseStatus": "SUCCEEDED"},
            {"PhaseType": "INSTALL", "Contexts": [{"StatusCode": "", "Message": ""}]},
            {"PhaseType": "BUILD", "Contexts": [{"StatusCode": "", "Message": FAILED}]},
        ],
        "Logs": {"DeepLink": LOG},
    }
    return json.dumps(record | changes)


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (build(), f"build branch-pipelines:1 FAILED: {FAILED} (log: {LOG})"),
        (build(Phases=None), f"build branch-pipelines:1 FAILED (log: {LOG})"),
        (build(Logs=None), f"build branch-pipelines:1 FAILED: {FAILED}"),
        (
            build(Phases=[{"Contexts": [{"Message": f"exit code 2 (log: {LOG})"}]}]),
            f"build branch-pipelines:1 FAILED: exit code 2 (log: {LOG})",
        ),
        ('{"errorType": "StillThere", "errorMessage": "a bucket"}', "StillThere: a bucket"),
        ('{"errorMessage": "a bucket"}', "error: a bucket"),
        ('{"else": 1}', '{"else": 1}'),
        ("[1]", "[1]"),
        ("The notice says why", "The notice says why"),
    ],
)
def test_a_cause_names_the_error_and_its_log(cause: str, sentence: str) -> None:
    assert in_one_sentence(cause) == sentence


def test_b2_the_recorded_cause_of_a_failed_build_is_short(hub: Hub) -> None:
    branch, execution = made(hub)
    answer = hub.settle(branch, execution, succeeded=False, cause=build())
    assert hub.known(branch).cause == in_one_sentence(build())
    assert FAILED in answer["message"]
    assert "yyyy" not in answer["message"]


def test_b3_the_recorded_cause_of_a_failed_deletion_is_short(hub: Hub) -> None:
    branch, execution = live(hub, is_live=False), hub.execution()
    hub.claim(branch, execution)
    cause = '{"errorType": "StillThere", "errorMessage": "a bucket", "stackTrace": []}'
    suffix = hub.known(branch).suffix
    hub.carry_out(action="abandon", suffix=suffix, execution=execution, cause=cause)
    assert hub.known(branch).cause == "StillThere: a bucket"
