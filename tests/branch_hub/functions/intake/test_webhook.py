"""S8: GitHub's webhooks: accepted if signed, forwarded once, and failed if not forwarded."""

import json
import logging
from typing import Any

import pytest

from branch_hub.events import Reason
from lambda_src.shared.branch_suffix import suffix_of_branch
from lambda_src.shared.json_secret import SecretUnreadable
from tests.branch_hub.functions.intake.conftest import (
    NO_COMMIT,
    NOW,
    SECRET,
    Intake,
    payload,
    request,
    signature_of,
)
from tests.branch_hub.git_server import REPOSITORY


@pytest.mark.parametrize("is_base64", [False, True])
def test_s8_a_signed_push_becomes_an_event(intake: Intake, is_base64: bool) -> None:
    status, message = intake.ask(request(payload("größe/a"), is_base64=is_base64))

    assert status == 202
    assert message == f"forwarded: Branch Pushed, environment {suffix_of_branch('größe/a')}"
    (event,) = intake.bus.events
    assert (event.branch, event.commit, event.reason) == ("größe/a", "c0ffee", Reason.PUSHED)
    assert (event.repository, event.occurred_at) == (REPOSITORY, NOW)


def test_s8_a_deleted_branch_becomes_its_event(intake: Intake) -> None:
    intake.ask(request(payload(deleted=True, created=False, after=NO_COMMIT)))

    (event,) = intake.bus.events
    assert (event.reason, event.commit) == (Reason.DELETED, None)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + signature_of(b"").removeprefix("sha256="),
        signature_of(json.dumps(payload()).encode(), b"another secret"),
        signature_of(json.dumps(payload()).encode(), b""),
        signature_of(json.dumps(payload()).encode()).upper(),
        "sha256=größe",
        "sha256=\udcff",
    ],
)
def test_s8_a_body_that_is_not_signed_with_the_hubs_secret_is_refused(
    intake: Intake, signature: str
) -> None:
    status, detail = intake.ask(request(payload(), signature=signature))

    assert status == 401
    assert "X-Hub-Signature-256" in detail
    assert intake.bus.events == []


def test_s8_a_signature_is_valid_for_its_body_only(intake: Intake) -> None:
    stolen = signature_of(json.dumps(payload("feature/a")).encode())

    assert intake.ask(request(payload("feature/b"), signature=stolen))[0] == 401


def test_s8_a_missing_signature_is_refused_like_a_wrong_one(intake: Intake) -> None:
    asked = request(payload())
    del asked["headers"]["x-hub-signature-256"]

    assert intake.ask(asked)[0] == 401


def test_s8_header_names_are_accepted_in_any_case(intake: Intake) -> None:
    asked = request(payload())
    asked["headers"] = {name.title(): value for name, value in asked["headers"].items()}

    assert intake.ask(asked)[0] == 202


def test_s8_a_repeated_delivery_is_forwarded_once(intake: Intake) -> None:
    assert intake.ask(request(payload()))[0] == 202
    assert intake.ask(request(payload())) == (200, "duplicate: it was forwarded before")
    assert len(intake.bus.events) == 1


def test_s8_an_old_body_under_a_new_delivery_id_is_a_replay(intake: Intake) -> None:
    """The id is not signed: anyone who has seen a delivery could replay it with another id."""
    intake.ask(request(payload(), delivery="first"))

    assert intake.ask(request(payload(), delivery="second"))[0] == 200
    assert len(intake.bus.events) == 1


def test_s8_another_push_of_the_same_commit_is_another_delivery(intake: Intake) -> None:
    """Delete, push again: GitHub's payloads differ in pushed_at."""
    for pushed_at in (1, 2):
        repository = {"full_name": REPOSITORY, "pushed_at": pushed_at}
        assert intake.ask(request(payload(repository=repository)))[0] == 202
    assert len(intake.bus.events) == 2


def test_s8_a_delivery_that_could_not_be_forwarded_fails_and_is_forwarded_when_repeated(
    intake: Intake,
) -> None:
    intake.bus.is_reachable = False
    status, detail = intake.ask(request(payload()))
    assert (status, "resend" in detail) == (500, True)

    intake.bus.is_reachable = True
    assert intake.ask(request(payload()))[0] == 202
    assert len(intake.bus.events) == 1


def test_s8_without_the_secret_every_webhook_is_refused(
    intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    def unreadable() -> bytes:
        raise SecretUnreadable("secret branch-hub has no text under 'webhook_secret'")

    vars(intake.receiver)["secret"] = unreadable

    assert intake.ask(request(payload(), signature=signature_of(b"", b"")))[0] == 500
    assert "no text under 'webhook_secret'" in caplog.text


def test_s8_another_repository_is_refused(intake: Intake) -> None:
    status, _ = intake.ask(request(payload(repository={"full_name": "fork/app"})))

    assert status == 403
    assert intake.bus.events == []


def test_s8_the_case_of_a_repositorys_name_does_not_matter(intake: Intake) -> None:
    intake.ask(request(payload(repository={"full_name": REPOSITORY.upper()})))

    assert intake.bus.events[0].repository == REPOSITORY


@pytest.mark.parametrize(
    ("event", "content", "status", "message"),
    [
        ("ping", {"zen": "Keep it logically awesome."}, 200, "pong"),
        ("create", {"ref": "feature/a"}, 202, "ignored: only push events"),
        ("delete", {"ref": "feature/a"}, 202, "ignored: only push events"),
        ("push", payload(ref="refs/tags/v1"), 202, "ignored: no branch"),
        ("push", payload("refs/heads/a"), 202, "ignored: the branch can have no environment"),
        ("push", payload("a" * 256), 202, "ignored: the branch can have no environment"),
    ],
)
def test_s8_a_webhook_about_no_environment_is_accepted_and_ignored(
    intake: Intake, event: str, content: Any, status: int, message: str
) -> None:
    answered, said = intake.ask(request(content, event=event))

    assert (answered, said[: len(message)]) == (status, message)
    assert intake.bus.events == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"payload=%7B%7D", "set the content type application/json"),
        ([], "a JSON object is needed"),
        (payload(ref=None), "ref and after"),
        (payload(after=None), "ref and after"),
        (payload(deleted="no"), "deleted and repository.full_name"),
        (payload(repository=None), "deleted and repository.full_name"),
        (payload(repository={"full_name": 7}), "deleted and repository.full_name"),
    ],
)
def test_s8_a_malformed_push_is_refused_with_what_is_needed(
    intake: Intake, content: Any, message: str
) -> None:
    status, detail = intake.ask(request(content))

    assert (status, message in detail) == (400, True)


def test_s8_only_a_post_is_a_webhook(intake: Intake) -> None:
    assert intake.ask(request(b"", method="GET"))[0] == 405


@pytest.mark.parametrize("is_base64", [False, True])
def test_s8_a_body_that_is_too_large_is_refused_unread(intake: Intake, is_base64: bool) -> None:
    at_most = b"x" * 1_048_576
    assert intake.ask(request(at_most, is_base64=is_base64))[0] == 400
    assert intake.ask(request(at_most + b"x", is_base64=is_base64))[0] == 413
    assert intake.ask(request(at_most * 2, is_base64=is_base64, signature="none"))[0] == 413


@pytest.mark.parametrize("body", ["!", "a", None])
def test_s8_a_body_that_is_no_base64_is_refused(intake: Intake, body: str | None) -> None:
    asked = request(b"", is_base64=True)
    asked["body"] = body

    assert intake.ask(asked)[0] == 400


def test_s8_neither_the_secret_nor_the_payload_is_logged(
    intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="branch_hub")
    content = payload(head_commit={"message": "confidential"})
    intake.ask(request(content))
    intake.ask(request(content, signature="sha256=wrong"))
    intake.bus.is_reachable = False
    intake.ask(request({**content, "before": "f00"}))

    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert len(caplog.records) >= 3
    for hidden in (SECRET.decode(), "confidential", signature_of(json.dumps(content).encode())):
        assert hidden not in logged
