"""S43: `make dead-letters` says what lies where, and changes nothing."""

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from operations.dead_letters import findings, hold
from operations.dead_letters.__main__ import main
from tests.account import Account
from tests.operations.dead_letter_queues import SUFFIX, Queues


def test_s43_both_queues_are_shown_by_reason_with_ages_and_ids_and_nothing_changes(
    asked: Account, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    transaction_id, batch_id = str(uuid4()), str(uuid4())
    for number in range(12):
        queues.put_dead_letter(f"bad {number}", f"bad_json: {number}")
    message_id = queues.put_dead_letter(
        f'{{"transaction": {{"transaction_id": "{transaction_id}"}}}}', "conflict"
    )
    audit = Queues(asked, "audit")
    moved = audit.put_dead_letter(f'{{"batch_id": "{batch_id}"}}')

    assert main(["--suffix", SUFFIX]) == 0

    said = capsys.readouterr().out
    of_transactions, of_audit = said.split("1 dead letter in audit-dead-letters-letters")
    assert "13 dead letters in transaction-dead-letters-letters" in of_transactions
    assert of_transactions.index("12  bad_json ") < of_transactions.index("1  conflict ")
    assert "bad_json: 0\n" in of_transactions
    assert "and 9 more" in of_transactions
    assert f"message {message_id}, transaction {transaction_id}, " in of_transactions
    assert f"message {moved}, batch {batch_id}, " in of_audit
    assert "1  received_too_often" in of_audit
    assert "oldest " in of_audit
    assert "newest " in of_audit
    assert queues.letters() == {"visible": 13, "hidden": 0}
    assert audit.letters() == {"visible": 1, "hidden": 0}
    assert queues.sent_back() == audit.sent_back() == {}


def test_s43_one_queue_is_enough(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--suffix", SUFFIX, "--queue", "transaction"]) == 0

    assert capsys.readouterr().out == "0 dead letters in transaction-dead-letters-letters\n"


def test_s43_it_says_that_another_program_holds_letters(
    asked: Account, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_many(3, "outage")
    asked.client("sqs").receive_message(QueueUrl=queues.dead, MaxNumberOfMessages=2)

    assert main(["--suffix", SUFFIX, "--queue", "transaction"]) == 0

    said = capsys.readouterr().out
    assert "1 dead letter in" in said
    assert "SQS counts about 2 as hidden" in said


def test_s43_it_says_that_there_are_more_than_sqs_shows(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hold, "HELD_MAX", 10)
    queues.put_many(11, "outage")

    assert main(["--suffix", SUFFIX, "--queue", "transaction"]) == 0

    said = capsys.readouterr().out
    assert "10 dead letters in" in said
    assert "There may be more" in said


def test_s43_many_reasons_are_shown_as_one(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any sender to the queue of dead letters can write any reason."""
    monkeypatch.setattr(findings, "REASONS_MAX", 2)
    for number in range(5):
        queues.put_dead_letter("body", f"reason{number}")

    assert main(["--suffix", SUFFIX, "--queue", "transaction"]) == 0

    said = capsys.readouterr().out
    assert "3  (other reasons)" in said
    assert "1  reason2" not in said


def test_s43_what_a_letter_says_cannot_change_the_terminal(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_dead_letter('{"batch_id": "\\u001b[2J"}', "bad\x9b2Jword")

    assert main(["--suffix", SUFFIX, "--queue", "transaction"]) == 0

    said = capsys.readouterr().out
    assert "1  bad?2Jword " in said
    assert said.isascii()
    assert all(line.isprintable() for line in said.splitlines())


def test_s43_a_queue_that_returns_the_same_letter_again_and_again_does_not_hold_it_up(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_dead_letter("body")
    same = sqs.receive_message(
        QueueUrl=queues.dead, MessageSystemAttributeNames=["SentTimestamp"], VisibilityTimeout=0
    )
    monkeypatch.setattr(sqs, "receive_message", lambda **_: same)

    assert main(["--suffix", SUFFIX, "--queue", "transaction"]) == 0

    assert "1 dead letter in" in capsys.readouterr().out


def test_s43_a_letter_that_is_seen_again_already_does_not_stop_the_others(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQS refuses to release what is not hidden; any other refusal is reported."""
    queues.put_many(12, "outage")
    change = sqs.change_message_visibility_batch
    refusals = iter(["MessageNotInflight", "InternalError"])

    def refuse_one(**arguments: Any) -> Any:
        refused = {"Id": "0", "SenderFault": True, "Code": next(refusals)}
        return {"Failed": [refused]} | {"Successful": change(**arguments)["Successful"][1:]}

    monkeypatch.setattr(sqs, "change_message_visibility_batch", refuse_one)

    assert main(["--suffix", SUFFIX, "--queue", "transaction"]) == 0

    said = capsys.readouterr().out
    assert "12 dead letters" in said
    assert "1 stay hidden for up to 600 s: InternalError" in said
    assert "NotInflight" not in said


def test_s43_what_failed_first_is_what_it_says(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the letters cannot be released either."""
    queues.put_dead_letter("body")
    receive, calls = sqs.receive_message, iter("first second")

    def refused(operation: str) -> ClientError:
        return ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, operation)

    def expire(**arguments: Any) -> Any:
        if next(calls) == "f":
            return receive(**arguments)
        raise refused("ReceiveMessage")

    def refuse(**_: Any) -> Any:
        raise refused("ChangeMessageVisibilityBatch")

    monkeypatch.setattr(sqs, "receive_message", expire)
    monkeypatch.setattr(sqs, "change_message_visibility_batch", refuse)

    assert main(["--suffix", SUFFIX, "--queue", "transaction"]) == 1

    said = capsys.readouterr()
    assert "when calling the ReceiveMessage operation" in said.err
    assert "Nothing was changed" in said.err
    assert "1 stay hidden for up to 600 s" in said.out


def test_s43_interrupted_it_releases_what_it_holds(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_many(11, "outage")
    receive, answers = sqs.receive_message, list[Any]()

    def receive_once(**arguments: Any) -> Any:
        if answers:
            raise KeyboardInterrupt
        answers.append(receive(**arguments))
        return answers[0]

    monkeypatch.setattr(sqs, "receive_message", receive_once)

    assert main(["--suffix", SUFFIX]) == 130

    assert "interrupted; nothing was changed" in capsys.readouterr().out
    assert queues.letters() == {"visible": 11, "hidden": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: SUFFIX is empty"),
        (
            ["--suffix", SUFFIX, "--queue", "none"],
            "QUEUE='none': must be one of transaction, audit",
        ),
        (["--suffix", "gone"], "SUFFIX='gone': there is no queue transaction-dead-letters-gone"),
    ],
)
@pytest.mark.usefixtures("queues")
def test_s68_bad_input_is_named_with_what_to_do(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 1
    assert message in capsys.readouterr().err
