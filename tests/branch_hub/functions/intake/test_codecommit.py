"""S8: CodeCommit's events become the same events as GitHub's webhooks."""

from typing import Any

import pytest

from branch_hub.events import Reason
from branch_hub.functions.shared.bus import EventsRefused
from tests.branch_hub.functions.intake.conftest import NOW, Intake
from tests.branch_hub.git_server import REPOSITORY


def change(event: str = "referenceCreated", **fields: Any) -> dict[str, Any]:
    """As the documentation of CodeCommit's events shows one."""
    return {
        "version": "0",
        "id": "01234567-EXAMPLE",
        "detail-type": "CodeCommit Repository State Change",
        "source": "aws.codecommit",
        "account": "123456789012",
        "time": "2026-11-22T03:00:00Z",
        "region": "us-east-1",
        "detail": {
            "event": event,
            "repositoryName": REPOSITORY,
            "repositoryId": "12345678-1234-5678-abcd-12345678abcd",
            "referenceType": "branch",
            "referenceName": "feature/a",
            "referenceFullName": "refs/heads/feature/a",
            "commitId": "c0ffee",
            **fields,
        },
    }


@pytest.mark.parametrize(
    ("event", "reason", "commit"),
    [
        ("referenceCreated", Reason.PUSHED, "c0ffee"),
        ("referenceUpdated", Reason.PUSHED, "c0ffee"),
        ("referenceDeleted", Reason.DELETED, None),
    ],
)
def test_s8_a_change_of_a_branch_becomes_the_event_of_its_kind(
    codecommit_intake: Intake, event: str, reason: Reason, commit: str | None
) -> None:
    assert codecommit_intake.take(change(event)) == {"sent": 1}

    (sent,) = codecommit_intake.bus.events
    assert (sent.reason, sent.commit, sent.branch) == (reason, commit, "feature/a")
    assert (sent.event_id, sent.occurred_at) == ("01234567-EXAMPLE", NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {"referenceType": "tag"},
        {"repositoryName": "another"},
        {"event": "referenceRenamed"},
        {"referenceName": "refs/heads/a"},
        {"referenceName": None},
    ],
)
def test_s8_an_event_about_no_environment_is_not_forwarded(
    codecommit_intake: Intake, fields: dict[str, Any]
) -> None:
    assert codecommit_intake.take(change(**fields)) == {"sent": 0}
    assert codecommit_intake.bus.events == []


def test_s8_a_malformed_event_is_not_forwarded(codecommit_intake: Intake) -> None:
    assert codecommit_intake.take({"source": "aws.codecommit"}) == {"sent": 0}


def test_s8_lambda_retries_an_event_that_could_not_be_forwarded(codecommit_intake: Intake) -> None:
    codecommit_intake.bus.is_reachable = False

    with pytest.raises(EventsRefused):
        codecommit_intake.take(change())


def test_s8_a_request_is_not_accepted_as_an_event_of_codecommit(codecommit_intake: Intake) -> None:
    """Lambda puts what comes over HTTP into an envelope that the sender has no say in."""
    asked = {"requestContext": {"http": {"method": "POST"}}, "headers": {}, **change()}

    assert codecommit_intake.ask(asked)[0] == 403
    assert codecommit_intake.bus.events == []
