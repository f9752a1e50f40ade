"""S43: what a redrive does when the queues refuse, repeat or hold letters back."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations import redrive
from operations.dead_letters import findings, hold
from tests.account import Account
from tests.operations.dead_letter_queues import SUFFIX, Queues, no_waiting, queues, sqs

__all__ = ["no_waiting", "queues", "sqs"]


@pytest.mark.parametrize("refused", [1, 3])
def test_s43_a_letter_that_the_queue_refuses_stays_where_it_is(
    queues: Queues,
    sqs: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    refused: int,
) -> None:
    queues.put_many(3, "outage")
    send = sqs.send_message_batch

    def refuse_some(**arguments: Any) -> Any:
        entries = arguments.pop("Entries")
        failed = [{"Id": entry["Id"], "Code": "InternalError"} for entry in entries[:refused]]
        taken = send(Entries=entries[refused:], **arguments) if refused < len(entries) else {}
        return taken | {"Failed": failed}

    monkeypatch.setattr(sqs, "send_message_batch", refuse_some)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 1

    said = capsys.readouterr().out
    assert f"sent {3 - refused} of 3" in said
    assert "InternalError" in said
    assert queues.letters() == {"visible": refused, "hidden": 0}
    assert len(queues.sent_back()) == 3 - refused


def test_s43_a_call_that_is_refused_loses_no_letter(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_dead_letter("body")

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessage")

    monkeypatch.setattr(sqs, "send_message_batch", refuse)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 1

    assert "Letters that were not sent are where they were" in capsys.readouterr().err
    assert queues.letters() == {"visible": 1, "hidden": 0}


def test_s43_a_letter_that_was_sent_and_not_deleted_is_reported(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_dead_letter("body")
    failed = {"Failed": [{"Id": "0", "SenderFault": False, "Code": "InternalError"}]}
    monkeypatch.setattr(sqs, "delete_message_batch", lambda **_: failed)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 1

    said = capsys.readouterr().out
    assert "1 of them are still in transaction-dead-letters-letters (InternalError)" in said
    assert queues.letters() == {"visible": 1, "hidden": 0}


def test_s43_a_letter_that_comes_straight_back_is_not_sent_again(
    queues: Queues, sqs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.put_many(30, "bad_json: no")
    send, sent = sqs.send_message_batch, list[str]()

    def send_and_be_refused(**arguments: Any) -> Any:
        for entry in arguments["Entries"]:
            sent.append(entry["MessageBody"])
            queues.put_dead_letter(entry["MessageBody"], "bad_json: no")
        assert len(sent) <= 30, "it goes on and on"
        return send(**arguments)

    monkeypatch.setattr(sqs, "send_message_batch", send_and_be_refused)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0

    assert sorted(sent) == sorted(str(n) for n in range(30))
    assert queues.letters() == {"visible": 30, "hidden": 0}


def test_s43_a_letter_that_came_after_the_list_stays(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.put_dead_letter("shown")

    def answer_later(_: str) -> str:
        queues.put_dead_letter("later")
        return "yes"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", answer_later)

    assert redrive.main(["--suffix", SUFFIX]) == 0

    assert queues.sent_back().keys() == {"shown"}
    assert queues.letters() == {"visible": 1, "hidden": 0}


def test_s43_letters_that_come_twice_go_back_once_and_do_not_hide_those_behind_them(
    queues: Queues,
    sqs: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Delivery at least once: a receive returns again what an earlier one returned."""
    queues.put_many(45, "outage")
    receive, answers = sqs.receive_message, list[Any]()

    def again(**arguments: Any) -> Any:
        is_repeated = len(answers) % 3 == 1
        answers.append(answers[-1] if is_repeated else receive(**arguments))
        return answers[-1]

    monkeypatch.setattr(sqs, "receive_message", again)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0

    assert "sent 45 of 45" in capsys.readouterr().out
    assert len(queues.sent_back()) == 45
    assert queues.letters() == {"visible": 0, "hidden": 0}


def test_s43_it_fails_if_not_all_that_it_showed_was_sent_back(
    asked: Account,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in range(3):
        queues.put_dead_letter(f"body {number}")
    client = asked.client("sqs")

    def look_and_lose_one(*arguments: Any, **named: Any) -> findings.Findings:
        found = findings.look(*arguments, **named)
        (message,) = client.receive_message(QueueUrl=queues.dead)["Messages"]
        client.delete_message(QueueUrl=queues.dead, ReceiptHandle=message["ReceiptHandle"])
        return found

    monkeypatch.setattr(redrive, "look", look_and_lose_one)

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 1

    said = capsys.readouterr().out
    assert "sent 2 of 3" in said
    assert "another program may hold or have taken them" in said


def test_s43_more_letters_than_can_be_held_at_a_time_go_back_in_several_runs(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_many(35, "outage")
    monkeypatch.setattr(hold, "HELD_MAX", 20)

    arguments = ["--suffix", SUFFIX, "--answer", "yes"]
    assert [redrive.main(arguments), redrive.main(arguments)] == [0, 0]

    said = capsys.readouterr().out
    assert "20 dead letters (of those that were seen)" in said
    assert "There may be more" in said
    assert queues.sent_back().keys() == {str(n) for n in range(35)}
