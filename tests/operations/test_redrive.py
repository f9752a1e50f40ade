"""S43: the one-command redrive, against queues that count, hide and delete as SQS does."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from operations import redrive
from tests.account import Account

SUFFIX = "letters"


class Queues:
    """The two queues of one kind in the environment of SUFFIX, empty."""

    def __init__(self, account: Account, kind: str) -> None:
        self._sqs = account.client("sqs")
        self.url, self.dead = (
            self._sqs.create_queue(QueueName=f"{kind}-{what}-{SUFFIX}")["QueueUrl"]
            for what in ("queue", "dead-letters")
        )
        for url in (self.url, self.dead):
            self._sqs.purge_queue(QueueUrl=url)

    def put_dead_letter(self, body: str, reason: str | None = None, **attributes: str) -> None:
        texts = attributes | ({"reason": reason} if reason is not None else {})
        self._sqs.send_message(
            QueueUrl=self.dead,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in texts.items()
            },
        )

    def sent_back(self) -> dict[str, dict[str, Any]]:
        """{body: attributes} of what is in the source queue, taken out of it."""
        found: dict[str, dict[str, Any]] = {}
        while messages := self._sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                assert message["Body"] not in found, "sent back once"
                found[message["Body"]] = dict(message.get("MessageAttributes", {}))
        return found

    def letters(self) -> dict[str, int]:
        """How many can be received now, and how many are there but hidden."""
        answer = self._sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["All"])
        names = {
            "ApproximateNumberOfMessages": "visible",
            "ApproximateNumberOfMessagesNotVisible": "hidden",
        }
        return {names[k]: int(v) for k, v in answer["Attributes"].items() if k in names}


@pytest.fixture
def queues(asked: Account, monkeypatch: pytest.MonkeyPatch) -> Queues:
    # The emulator has one server to ask: an empty answer need not be waited for.
    monkeypatch.setattr(redrive, "WAIT_SECONDS", 0)
    return Queues(asked, "transaction")


@pytest.fixture
def sqs(asked: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client that the program gets, for a test to change."""
    client = boto3.client("sqs", endpoint_url=asked.endpoint_url)
    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: client)
    return client


def test_s43_looking_says_how_many_why_and_since_when_and_changes_nothing(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        queues.put_dead_letter(f"bad {number}", "bad_json: Expecting value")
    queues.put_dead_letter("unknown", "account_not_found")
    queues.put_dead_letter("crashed")

    assert redrive.main(["--suffix", SUFFIX]) == 0

    said = capsys.readouterr().out
    assert "14 dead letters in transaction-dead-letters-letters" in said
    for line in ("12  bad_json\n", "1  account_not_found\n", "1  none given", "oldest of 20"):
        assert line in said
    assert "add ANSWER=yes" in said
    assert queues.letters() == {"visible": 14, "hidden": 0}
    assert queues.sent_back() == {}


def test_s43_letters_go_back_as_they_came_without_their_reason(queues: Queues) -> None:
    for number in range(23):
        queues.put_dead_letter(
            f"body {number}", "account_not_found", trace=str(number), first_sent_at="1"
        )

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0

    back = queues.sent_back()
    assert back.keys() == {f"body {number}" for number in range(23)}
    assert {name for attributes in back.values() for name in attributes} == {"trace"}
    assert back["body 7"]["trace"]["StringValue"] == "7"
    assert queues.letters() == {"visible": 0, "hidden": 0}


def test_s43_attributes_that_were_folded_for_lack_of_room_go_back_as_they_came(
    queues: Queues,
) -> None:
    folded = '{"trace":{"DataType":"String","StringValue":"abc"}}'
    queues.put_dead_letter(
        "body", "conflict", sender_attributes=folded, first_sent_at="1", first_sender_id="AROA:x"
    )

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0

    [(_, attributes)] = queues.sent_back().items()
    assert {name: value["StringValue"] for name, value in attributes.items()} == {"trace": "abc"}


def test_s43_only_letters_with_a_reason_go_back_where_one_is_named(queues: Queues) -> None:
    queues.put_dead_letter("bad", "bad_json: no")
    queues.put_dead_letter("mended", "account_not_found")

    assert (
        redrive.main(["--suffix", SUFFIX, "--reason", "account_not_found", "--answer", "yes"]) == 0
    )

    assert queues.sent_back().keys() == {"mended"}
    assert sum(queues.letters().values()) == 1


def test_s43_the_audit_queue_has_its_own_letters(asked: Account, queues: Queues) -> None:
    audit = Queues(asked, "audit")
    audit.put_dead_letter("batch")
    queues.put_dead_letter("transaction")

    assert redrive.main(["--suffix", SUFFIX, "--queue", "audit", "--answer", "yes"]) == 0

    assert audit.sent_back().keys() == {"batch"}
    assert queues.sent_back() == {}


def test_s43_interrupted_at_the_worst_moment_nothing_is_lost(
    queues: Queues,
    sqs: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After a letter was sent back and before it was deleted."""
    for number in range(3):
        queues.put_dead_letter(f"body {number}")
    delete, deleted = sqs.delete_message, list[Any]()

    def delete_once(**arguments: Any) -> Any:
        if deleted:
            raise KeyboardInterrupt
        deleted.append(arguments)
        return delete(**arguments)

    monkeypatch.setattr(sqs, "delete_message", delete_once)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 130

    assert "interrupted after 1; nothing is lost" in capsys.readouterr().out
    assert len(queues.sent_back()) == 2
    assert queues.letters() == {"visible": 2, "hidden": 0}, "run again, it goes on at once"

    monkeypatch.setattr(sqs, "delete_message", delete)
    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0
    assert len(queues.sent_back()) == 2
    assert sum(queues.letters().values()) == 0


def test_s43_a_letter_that_cannot_be_sent_back_stays_where_it_is(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_dead_letter("body")

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessage")

    monkeypatch.setattr(sqs, "send_message", refuse)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 1

    assert "Letters that were not sent back are where they were" in capsys.readouterr().err
    assert queues.letters() == {"visible": 1, "hidden": 0}


def test_s43_a_letter_that_comes_straight_back_is_not_sent_again(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.put_dead_letter("hopeless", "bad_json: no")
    send, sent = sqs.send_message, list[str]()

    def send_and_be_refused(**arguments: Any) -> Any:
        sent.append(arguments["MessageBody"])
        assert len(sent) < 5, "it goes on and on"
        queues.put_dead_letter(arguments["MessageBody"], "bad_json: no")
        return send(**arguments)

    monkeypatch.setattr(sqs, "send_message", send_and_be_refused)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0

    assert sent == ["hopeless"]


def test_s43_a_person_is_asked(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_dead_letter("body")
    answers = iter(["no", "yes"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: next(answers))

    assert redrive.main(["--suffix", SUFFIX]) == 0
    assert queues.sent_back() == {}
    assert redrive.main(["--suffix", SUFFIX]) == 0
    assert queues.sent_back().keys() == {"body"}


def test_s43_without_letters_nobody_is_asked(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert redrive.main(["--suffix", SUFFIX]) == 0
    assert "0 dead letters" in capsys.readouterr().out
    assert queues.letters() == {"visible": 0, "hidden": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--suffix", SUFFIX, "--queue", "both"],
            "QUEUE='both': must be one of transaction, audit",
        ),
        (["--suffix", "gone"], "SUFFIX='gone': there is no queue transaction-dead-letters-gone"),
        (["--suffix", SUFFIX, "--reason", "rain"], "REASON='rain': no letter has it"),
        (["--suffix", SUFFIX, "--answer", "ja"], "ANSWER='ja': must be yes or no"),
    ],
)
def test_s68_bad_input_is_named_with_what_to_do_and_nothing_changes(
    queues: Queues, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    queues.put_dead_letter("body", "account_not_found")

    assert redrive.main(arguments) == 1

    assert message in capsys.readouterr().err
    assert queues.sent_back() == {}
    assert queues.letters() == {"visible": 1, "hidden": 0}


def test_s68_without_access_it_says_what_is_needed(
    no_account: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert redrive.main(["--suffix", SUFFIX]) == 1

    said = capsys.readouterr().err
    assert "Could not connect" in said
    assert "docs/aws.md" in said


def test_s43_letters_that_come_twice_do_not_hide_those_behind_them(
    queues: Queues,
    sqs: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Delivery at least once: the second and third receive return what the first returned."""
    for number in range(15):
        queues.put_dead_letter(f"body {number}", "account_not_found" if number else "bad_json")
    receive, answers = sqs.receive_message, list[Any]()

    def again(**arguments: Any) -> Any:
        answers.append(answers[0] if len(answers) in (1, 2) else receive(**arguments))
        return answers[-1]

    monkeypatch.setattr(sqs, "receive_message", again)

    arguments = ["--suffix", SUFFIX, "--reason", "account_not_found", "--answer", "yes"]
    assert redrive.main(arguments) == 0

    assert "sent 14 of 14 back" in capsys.readouterr().out
    assert len(queues.sent_back()) == 14
    assert queues.letters() == {"visible": 1, "hidden": 0}


def test_s43_a_queue_that_returns_the_same_letter_again_and_again_does_not_hold_it_up(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_dead_letter("body")
    same = sqs.receive_message(
        QueueUrl=queues.dead, MessageSystemAttributeNames=["SentTimestamp"], VisibilityTimeout=0
    )
    monkeypatch.setattr(sqs, "receive_message", lambda **_: same)

    assert redrive.main(["--suffix", SUFFIX]) == 0

    assert "1 dead letter in" in capsys.readouterr().out


def test_s43_it_fails_if_not_all_that_it_showed_was_sent_back(
    asked: Account,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in range(3):
        queues.put_dead_letter(f"body {number}")
    client = asked.client("sqs")
    look = redrive.DeadLetters.look

    def look_and_lose_one(letters: redrive.DeadLetters) -> redrive.Findings:
        found = look(letters)
        (message,) = client.receive_message(QueueUrl=queues.dead)["Messages"]
        client.delete_message(QueueUrl=queues.dead, ReceiptHandle=message["ReceiptHandle"])
        return found

    monkeypatch.setattr(redrive.DeadLetters, "look", look_and_lose_one)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 1

    said = capsys.readouterr().out
    assert "sent 2 of 3 back" in said
    assert "these differ" in said


def test_s43_a_letter_that_is_seen_again_already_does_not_stop_the_others(
    queues: Queues,
    sqs: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """SQS refuses to un-hide what is not hidden; any other refusal is reported."""
    for number in range(12):
        queues.put_dead_letter(f"body {number}")
    change = sqs.change_message_visibility_batch
    refusals = iter(["MessageNotInflight", "InternalError"])

    def refuse_one(**arguments: Any) -> Any:
        refused = {"Id": "0", "SenderFault": True, "Code": next(refusals)}
        return {"Failed": [refused]} | {"Successful": change(**arguments)["Successful"][1:]}

    monkeypatch.setattr(sqs, "change_message_visibility_batch", refuse_one)

    assert redrive.main(["--suffix", SUFFIX]) == 0

    said = capsys.readouterr().out
    assert "12 dead letters" in said
    assert "stays hidden for up to 600 s: 1 dead letter, InternalError" in said
    assert "NotInflight" not in said


def test_s43_more_letters_than_are_looked_at_go_back_as_well(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(redrive, "LOOKED_AT_MAX", 4)
    for number in range(15):
        queues.put_dead_letter(f"body {number}", "account_not_found" if number else "bad_json")

    arguments = ["--suffix", SUFFIX, "--reason", "account_not_found", "--answer", "yes"]
    assert redrive.main(arguments) == 0

    assert "(at least; no more than 4 are looked at)" in capsys.readouterr().out
    assert len(queues.sent_back()) == 14
    assert queues.letters() == {"visible": 1, "hidden": 0}
