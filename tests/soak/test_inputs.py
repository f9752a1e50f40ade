"""The inputs are a function of the seed, and are what their expectations say."""

from app_service.ledger.batch import MalformedTransaction, parse_batch
from app_service.ledger.transaction import Transaction
from lambda_src.shared.messages import Unprocessable
from lambda_src.shared.queue_messages import SEND_BYTES_MAX
from lambda_src.transaction_processor.worker import parse_transaction
from soak.api_inputs import calls_of
from soak.inputs import messages_of
from soak.message import Message

GROUPS = range(1500)


def messages(seed: int) -> list[Message]:
    return [message for number in GROUPS for message in messages_of(seed, number)]


def test_the_same_seed_gives_the_same_messages_and_calls() -> None:
    assert messages(1) == messages(1)
    assert messages(1) != messages(2)
    assert [calls_of(1, n) for n in range(200)] == [calls_of(1, n) for n in range(200)]


def test_every_message_is_read_as_it_says() -> None:
    """Valid to the processor, or dead for the stated reason."""
    for message in messages(1):
        try:
            found: str | Transaction = parse_transaction(message.body)
        except Unprocessable as error:
            found = f"dead: {error}"
        if message.transaction is None:
            assert isinstance(found, str), message.kind
            assert found.startswith(message.allowed_outcomes), message.kind
        else:
            assert found == Transaction.parse(message.transaction)


def test_no_two_messages_are_the_same() -> None:
    """A dead letter is found by its body."""
    bodies = [message.body for message in messages(1)]
    assert len(bodies) == len({*bodies})


def test_everything_that_is_promised_is_among_them() -> None:
    found = messages(1)
    kinds = {message.kind for message in found}
    assert kinds >= {
        "valid", "same id, same contents", "same id, other contents", "refused", "hold", "capture",
        "void", "reversal", "bad_json", "unknown_type", "unknown_version", "invalid_transaction",
        "valid, 256 KiB", "valid, 1 MiB", "unknown_version, 1 MiB",
    }  # fmt: skip
    sizes = {len(message.body.encode()) for message in found}
    assert SEND_BYTES_MAX - 1 <= max(sizes) <= SEND_BYTES_MAX
    text = "".join(message.body for message in found if len(message.body) < 10_000)
    assert {"\U0001f44d", "\u200d", "\u2028"} <= {*text}


def test_every_transaction_of_a_call_is_one_that_the_api_accepts() -> None:
    for number in range(300):
        for call in calls_of(1, number):
            if call.transactions:
                found = parse_batch({"transactions": [*call.transactions]})
                assert not any(isinstance(each, MalformedTransaction) for each in found)
