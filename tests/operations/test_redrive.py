"""S43: the redrive, against queues that count, hide and delete as SQS does."""

import re
from uuid import uuid4

import pytest

from lambda_src.shared.message_attributes import attributes_of_copy
from lambda_src.shared.messages import Message
from operations import redrive
from tests.account import Account
from tests.operations.dead_letter_queues import SUFFIX, Queues, no_waiting, queues, sqs

__all__ = ["no_waiting", "queues", "sqs"]


def submitted(transaction_id: str) -> str:
    return f'{{"transaction": {{"transaction_id": "{transaction_id}"}}}}'


def test_s43_without_an_answer_it_shows_what_it_would_send_and_changes_nothing(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_dead_letter("other", "bad_json: Expecting value")
    transaction_id = str(uuid4())
    sent = {
        queues.put_dead_letter(submitted(transaction_id), "account_not_found"): transaction_id,
        queues.put_dead_letter("no id", "account_not_found: 7"): "",
    }

    assert redrive.main(["--suffix", SUFFIX, "--reason", "account_not_found"]) == 0

    said = capsys.readouterr().out
    selected = re.findall(r"selected: message ([\w-]+), (?:transaction ([\w-]+))?", said)
    assert dict(selected) == sent
    assert "to send to transaction-queue-letters: 2 dead letters\n" in said
    assert "ANSWER=yes" in said
    assert queues.letters() == {"visible": 3, "hidden": 0}
    assert queues.sent_back() == {}


@pytest.mark.parametrize(("arguments", "is_whole"), [([], False), (["--list"], True)])
def test_s43_a_long_list_is_cut_unless_the_whole_is_asked_for(
    queues: Queues,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    is_whole: bool,
) -> None:
    number = redrive.LISTED_MAX + 5
    queues.put_many(number, "conflict")

    assert redrive.main(["--suffix", SUFFIX, *arguments]) == 0

    said = capsys.readouterr().out
    assert f"{number} dead letters" in said
    assert said.count("selected: message ") == (number if is_whole else redrive.LISTED_MAX)
    assert ("LIST=yes" in said) is not is_whole


def test_s43_letters_go_back_as_they_came_without_what_our_functions_added(
    queues: Queues,
) -> None:
    ours = {"first_sent_at": "1", "first_sender_id": "AROA:somebody"}
    for number in range(23):
        queues.put_dead_letter(f"body {number}", "account_not_found", trace=str(number), **ours)
    binary = {"DataType": "Binary.gzip", "BinaryValue": b"\x00\xff"}
    number_of_kind = {"DataType": "Number.int", "StringValue": "7"}
    queues.put_with("typed", {"blob": binary, "count": number_of_kind})

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0

    back = queues.sent_back()
    assert back.pop("typed") == {"blob": binary, "count": number_of_kind}
    assert back == {
        f"body {n}": {"trace": {"DataType": "String", "StringValue": str(n)}} for n in range(23)
    }
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
    assert queues.letters() == {"visible": 1, "hidden": 0}


def test_s43_what_sqs_moved_can_be_named_and_keeps_a_reason_of_its_sender(
    queues: Queues, asked: Account
) -> None:
    queues.put_dead_letter("bad", "bad_json: no")
    own = {"reason": {"DataType": "String", "StringValue": "a refund"}}
    queues.have_moved("moved", own)

    arguments = ["--suffix", SUFFIX, "--reason", "received_too_often", "--answer", "yes"]
    assert redrive.main(arguments) == 0

    assert queues.sent_back() == {"moved": own}


def test_s43_attributes_that_had_no_room_in_the_letter_are_restored(queues: Queues) -> None:
    """As the processor writes them: docs/messages.md."""
    body, own = "body", {f"a{n}": {"dataType": "String", "stringValue": str(n)} for n in range(9)}
    message = Message(
        message_id="m",
        receipt_handle="r",
        body=body,
        receive_count=1,
        attributes=own,
        sender_id="s",
    )
    queues.put_with(body, attributes_of_copy(message, role_id="role", reason="conflict"))

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0

    restored = {f"a{n}": {"DataType": "String", "StringValue": str(n)} for n in range(9)}
    assert queues.sent_back() == {body: restored}


def test_s43_one_letter_goes_back_by_the_id_of_its_message_or_transaction(queues: Queues) -> None:
    first, second = str(uuid4()), str(uuid4())
    for transaction_id in (first, second):
        queues.put_dead_letter(submitted(transaction_id))
    message_id = queues.put_dead_letter("[]", "bad_json")
    known = str(uuid4())  # to its sender
    queues.put_dead_letter("copy", "bad_json", first_message_id=known)

    for wanted in (message_id, second.upper(), known):
        assert redrive.main(["--suffix", SUFFIX, "--id", wanted, "--answer", "yes"]) == 0

    assert queues.sent_back().keys() == {"[]", submitted(second), "copy"}
    assert queues.letters() == {"visible": 1, "hidden": 0}


def test_s43_a_batch_goes_back_by_its_id_or_that_of_one_of_its_transactions(
    asked: Account, no_waiting: None
) -> None:
    audit = Queues(asked, "audit")
    batch_id, transaction_id = str(uuid4()), str(uuid4())
    by_batch = f'{{"batch_id": "{batch_id}", "transactions": "none"}}'
    by_transaction = (
        f'{{"transactions": ["odd", {{"transaction_id": 1}},'
        f' {{"transaction_id": "{transaction_id}"}}]}}'
    )
    for body in (by_batch, by_transaction, "other"):
        audit.put_dead_letter(body)

    for wanted in (batch_id, transaction_id):
        arguments = ["--suffix", SUFFIX, "--queue", "audit", "--id", wanted, "--answer", "yes"]
        assert redrive.main(arguments) == 0

    assert audit.sent_back().keys() == {by_batch, by_transaction}


def test_s43_the_audit_queue_has_its_own_letters(asked: Account, queues: Queues) -> None:
    audit = Queues(asked, "audit")
    audit.put_dead_letter("batch")
    queues.put_dead_letter("transaction")

    assert redrive.main(["--suffix", SUFFIX, "--queue", "audit", "--answer", "yes"]) == 0

    assert audit.sent_back().keys() == {"batch"}
    assert queues.sent_back() == {}


def test_s43_it_warns_of_letters_that_will_fail_again(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    for reason in ("bad_json: no", "bad_json: neither", "outage"):
        queues.put_dead_letter("body", reason)

    assert redrive.main(["--suffix", SUFFIX]) == 0

    (warning,) = re.findall(r"^warning: .*", capsys.readouterr().out, re.MULTILINE)
    assert warning == "warning: 2 with bad_json: fails again: the body does not change"


def test_s43_more_than_a_thousand_letters_go_back(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_many(1_234, "outage")

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0

    assert "sent 1234 of 1234 to transaction-queue-letters" in capsys.readouterr().out
    assert queues.sent_back().keys() == {str(n) for n in range(1_234)}
    assert queues.letters() == {"visible": 0, "hidden": 0}


def test_s43_batches_of_the_largest_size_go_back(asked: Account, no_waiting: None) -> None:
    audit = Queues(asked, "audit")
    sizes = (1_048_576, 700_000, 700_000, 300_000)
    bodies = {str(n) + "ß" * ((size - 1) // 2) for n, size in enumerate(sizes)}
    for body in bodies:
        audit.put_dead_letter(body)

    assert redrive.main(["--suffix", SUFFIX, "--queue", "audit", "--answer", "yes"]) == 0

    assert audit.sent_back().keys() == bodies
    assert audit.letters() == {"visible": 0, "hidden": 0}


def test_s43_the_attributes_count_towards_the_size_of_a_call(queues: Queues) -> None:
    """Both bodies would fit in one call."""
    for name in ("a", "b"):
        text = {"DataType": "String", "StringValue": "t" * 200_000}
        blob = {"DataType": "Binary", "BinaryValue": b"b" * 200_000}
        queues.put_with(name * 300_000, {"text": text, "blob": blob})

    assert redrive.main(["--suffix", SUFFIX, "--answer", "yes"]) == 0

    assert len(queues.sent_back()) == 2


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


def test_s43_a_person_who_is_asked_can_interrupt(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.put_dead_letter("body")

    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", interrupt)

    assert redrive.main(["--suffix", SUFFIX]) == 130
    assert "nothing was changed" in capsys.readouterr().out
    assert queues.letters() == {"visible": 1, "hidden": 0}


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
        (
            ["--suffix", SUFFIX, "--reason", "rain"],
            "REASON='rain': no letter in transaction-dead-letters-letters has it",
        ),
        (
            ["--suffix", SUFFIX, "--id", str(uuid4()), "--reason", "account_not_found"],
            "REASON='account_not_found' and ID=",
        ),
        (["--suffix", SUFFIX, "--id", "7"], "ID='7': must be the id of a message, a transaction"),
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
