"""docs/messages.md is what senders follow: its examples and words are those of the code."""

import json
import re
from pathlib import Path

import pytest

from app_service.ledger.fields import required_fields_of
from app_service.ledger.free_text import (
    METADATA_BYTES_MAX,
    METADATA_DEPTH_MAX,
    REFERENCE_LENGTH_MAX,
)
from app_service.ledger.kinds import ALLOWED, DEPENDING, NEEDED, OF_CLIENTS
from app_service.ledger.transaction import (
    COLUMNS,
    HOLD_SECONDS_DEFAULT,
    HOLD_SECONDS_MAX,
    Transaction,
)
from app_service.ledger.verdict import REFUSALS
from infra.queue_names import AUDIT, TRANSACTIONS
from infra.queues import RECEIVES_MAX
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.shared.first_send import FIRST_MESSAGE_ID, FIRST_SENDER_ID, FIRST_SENT_AT
from lambda_src.shared.message_attributes import REASON, SENDER_ATTRIBUTES, sender_attributes_of
from lambda_src.shared.queue_messages import SEND_BYTES_MAX
from lambda_src.transaction_processor.sender import CLIENT_ID
from lambda_src.transaction_processor.worker import _DONE, _WRONG, parse_transaction

PAGE = (Path(__file__).parent.parent / "docs" / "messages.md").read_text()
SUBMITTED, POSTED, FOLDED = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def fields_listed(section: str) -> dict[str, str]:
    """The fields in the table of a section, and their rules."""
    text = PAGE.partition(f"## `{section}`")[2].partition("\n## ")[0]
    table = text.partition("| field |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| \w+ \| (.*) \|$", table, re.MULTILINE))


def kinds_after(words: str, rule: str) -> set[str]:
    """The kinds that a rule names after these words, up to the next comma or semicolon."""
    named = rule.partition(words)[2].replace("`, `", "` and `")
    return set(re.findall(r"`(\w+)`", re.split("[,;(]", named)[0]))


def test_the_page_lists_the_fields_of_a_submission_and_which_are_optional() -> None:
    parse_transaction(SUBMITTED)
    required = {"type", "version", "transaction"} | required_fields_of(Transaction)
    rules = fields_listed("transaction.submitted")
    assert rules.keys() == required | {*COLUMNS}
    assert {name for name, rule in rules.items() if rule.startswith("optional:")} == (
        {*COLUMNS} - required - DEPENDING
    )


@pytest.mark.parametrize("field", sorted(DEPENDING))
def test_the_page_says_which_kinds_have_a_field(field: str) -> None:
    rule = fields_listed("transaction.submitted")[field]
    needed = {kind for kind in OF_CLIENTS if field in NEEDED[kind]}
    assert kinds_after("needed by", rule) == needed
    assert (
        kinds_after("optional for", rule) == {k for k in OF_CLIENTS if field in ALLOWED[k]} - needed
    )


def test_the_batch_is_one_that_the_audit_writer_takes() -> None:
    batch = PostedBatch.parse(POSTED)
    assert f"audit/<yyyy>/<mm>/<dd>/<batch_id>{batch.key.partition(str(batch.batch_id))[2]}" in PAGE
    for posted in batch.transactions:
        Transaction.parse({name: value for name, value in posted.items() if name in COLUMNS})
    envelope = {*json.loads(POSTED)} - {"type", "version"}
    assert fields_listed("transactions.posted").keys() == envelope


def test_every_verdict_of_the_ledger_is_explained() -> None:
    assert {v for v in _DONE | REFUSALS | _WRONG if f"`{v}`" not in PAGE} == set()


def test_the_example_of_folded_attributes_is_read_back() -> None:
    attributes = {SENDER_ATTRIBUTES: {"DataType": "String", "StringValue": FOLDED}}
    assert sender_attributes_of(attributes, is_dead_letter=True) == {
        "trace": {"DataType": "String", "StringValue": "abc"},
        "key": {"DataType": "Binary", "BinaryValue": bytes([0, 255])},
    }


def test_names_and_limits_are_those_of_the_code() -> None:
    for names in (TRANSACTIONS, AUDIT):
        assert f"`{names.queue}-<suffix>`" in PAGE
        assert f"`{names.dead_letters}-<suffix>`" in PAGE
    for name in (FIRST_SENT_AT, FIRST_SENDER_ID, FIRST_MESSAGE_ID, REASON, SENDER_ATTRIBUTES):
        assert f"| `{name}` |" in PAGE
    assert f"`{CLIENT_ID}`" in PAGE
    assert f"at most {METADATA_BYTES_MAX:,} bytes" in PAGE
    assert f"nested at most {METADATA_DEPTH_MAX} deep" in PAGE
    assert f"1 to {REFERENCE_LENGTH_MAX} characters" in PAGE
    assert f"1 to {HOLD_SECONDS_MAX:,} " in PAGE
    assert f"default {HOLD_SECONDS_DEFAULT:,} " in PAGE
    assert f"{SEND_BYTES_MAX:,} bytes" in PAGE
    assert f"after {RECEIVES_MAX} receives" in PAGE
